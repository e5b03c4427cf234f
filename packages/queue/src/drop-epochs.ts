import type { Redis } from 'ioredis';
import { epochOfKey } from './queue-names.ts';

const SCAN_COUNT = 1_000;

/** Removes what earlier epochs left, page by page. What the window bounds is little: two windows at most. */
export async function dropEpochsBefore(
  redis: Redis,
  prefix: string,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:e*`, 'COUNT', SCAN_COUNT);
    const old = keys.filter((key) => (epochOfKey(prefix, key) ?? epoch) < epoch);
    if (old.length > 0) await redis.unlink(...old);
    cursor = next;
  } while (cursor !== '0' && !signal.aborted);
}
