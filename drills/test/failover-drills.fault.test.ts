/**
 * Valkey in the place of Redis, and behind Sentinels: the primary is flushed, and killed, and what takes its place knows neither.
 * `npx pnpm@12 drill sentinel-failover` waits for its return too.
 */
import { describe, test } from 'vitest';
import { onSmallStack, SMALL_DRILL_MS } from './small-drills.ts';

describe('what was accepted is done, once, on Valkey behind Sentinels', () => {
  const holds = onSmallStack({ redis: 'valkey', sentinels: true });
  test('sentinel-stale-replica', { timeout: SMALL_DRILL_MS }, () => holds('sentinel-stale-replica'));
});
