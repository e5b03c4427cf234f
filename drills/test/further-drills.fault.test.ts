/** The rarer rows of the matrix. */
import { describe, test } from 'vitest';
import { onSmallStack, SMALL_DRILL_MS } from './small-drills.ts';

const ALONE = [
  'redis-broken',
  'redis-slow',
  'redis-unwilling',
  'queue-move',
  'overdue',
  'two-primaries',
  'postgres-cut',
  'postgres-stuck',
  'row-edited',
  'idle-agent',
] as const;
/** They hurt workers of their own, and nothing else: at the same time. */
const TOGETHER = ['worker-clock', 'zombie-storm'] as const;

describe('what was accepted is done, once', () => {
  const holds = onSmallStack();
  test.each(ALONE)('%s', { timeout: SMALL_DRILL_MS }, holds);
});

describe('what was accepted is done, once, also when much happens', () => {
  // Several loads and worlds are enough for this process.
  const holds = onSmallStack({ proxied: [] });

  test('wrong clocks and many zombies, at once', { timeout: SMALL_DRILL_MS }, async () => {
    await Promise.all(TOGETHER.map(holds));
  });
});
