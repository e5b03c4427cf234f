import { expect, test } from 'vitest';
import { summaryOf } from './campaign-summary.ts';
import { reportOf } from './report-of.ts';

const held = (seed: number) => reportOf({ seed, faults: ['flushall at 1 ms for 2 ms'], checked: { settled: 10 } });

test('what held bounds the chance of a violation by 3/n, and nothing does where one was found', () => {
  expect(summaryOf(Array.from({ length: 60 }, (_, seed) => held(seed)))).toMatchObject({ held: 60, bound: 0.05 });
  const violation = { invariant: 'settled', text: 'task-1 is open' };
  expect(summaryOf([held(1), { ...held(2), violations: [violation] }])).toMatchObject({
    held: 1,
    violated: [2],
    bound: null,
    faults: { flushall: { schedules: 2, failed: 1 } },
    checked: { settled: 20 },
  });
});

test('a schedule that has shown nothing does not count', () => {
  const summary = summaryOf([held(1), { ...held(2), emptyPass: ['flushall left no mark'] }]);
  expect(summary).toMatchObject({ schedules: 2, held: 1, empty: [2], bound: 1 });
  expect(summaryOf([])).toMatchObject({ schedules: 0, bound: null });
});
