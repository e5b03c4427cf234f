/** Valkey in the place of Redis, and behind Sentinels: one stack shows both. */
import { describe, test } from 'vitest';
import { onSmallStack, SMALL_DRILL_MS } from './small-drills.ts';

/** The killed primary is in the second of them too; `npx pnpm@12 drill sentinel-failover` waits for its return. */
const ALONE = ['flushall', 'sentinel-stale-replica'] as const;

describe('what was accepted is done, once, on Valkey behind Sentinels', () => {
  const holds = onSmallStack({ redis: 'valkey', sentinels: true });
  test.each(ALONE)('%s', { timeout: SMALL_DRILL_MS }, holds);
});
