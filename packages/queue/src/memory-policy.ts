import type { Redis } from 'ioredis';
import { infoField } from './redis-info.ts';

/** What Redis does when its memory is full. Any policy but `noeviction` erases tickets without a word. */
export async function readMemoryPolicy(redis: Redis): Promise<string> {
  return infoField(await redis.info('memory'), 'maxmemory_policy') || 'unknown';
}
