/** What happens to every installation some day. The rest of the matrix: further-drills.fault.test.ts. */
import { describe, test } from 'vitest';
import { onSmallStack, SMALL_DRILL_MS } from './small-drills.ts';

const ALONE = [
  'redis-killed',
  'redis-wiped',
  'flushall',
  'keys-deleted',
  'stale-copy',
  'redis-partition',
  'redis-full',
  'redis-evicts',
  'postgres-killed',
  'orchestrator-killed',
  'services-frozen',
  'ingest-killed',
] as const;
/** They hurt workers of their own and a way of their own to ingest, and nothing else: at the same time. */
const TOGETHER = ['worker-killed', 'zombie', 'poison', 'poison-at-once', 'reply-lost'] as const;

describe('what was accepted is done, once', () => {
  const holds = onSmallStack();
  test.each(ALONE)('%s', { timeout: SMALL_DRILL_MS }, holds);
});

describe('what was accepted is done, once, also when much happens', () => {
  // Several loads and worlds are enough for this process.
  const holds = onSmallStack({ proxied: [] });

  test('a killed worker, a zombie, poison and a lost reply, all at once', { timeout: SMALL_DRILL_MS }, async () => {
    await Promise.all(TOGETHER.map(holds));
  });
});
