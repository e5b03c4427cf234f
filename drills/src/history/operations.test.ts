import { expect, test } from 'vitest';
import { operationsOf } from './operations.ts';
import type { HistoryRecord } from './record.ts';

const record = (t: number, proc: string, phase: HistoryRecord['phase'], value = {}): HistoryRecord => ({
  run: 'run',
  seed: 1,
  t,
  proc,
  op: 'submit',
  key: `key of ${proc}`,
  phase,
  value,
});

test('an answer belongs to the last thing its process asked for', () => {
  const operations = operationsOf([
    record(1, 'a', 'invoke'),
    record(2, 'b', 'invoke'),
    record(3, 'a', 'ok', { task: 'task-1' }),
    record(4, 'b', 'fail', { code: 'LIMIT_REACHED' }),
  ]);
  expect(operations).toMatchObject([
    { proc: 'a', invokedAt: 1, endedAt: 3, phase: 'ok', answered: { task: 'task-1' } },
    { proc: 'b', invokedAt: 2, endedAt: 4, phase: 'fail', answered: { code: 'LIMIT_REACHED' } },
  ]);
});

test('what was never answered is unknown, for ever', () => {
  const operations = operationsOf([record(1, 'a', 'invoke'), record(2, 'a', 'invoke'), record(3, 'a', 'ok')]);
  expect(operations).toMatchObject([
    { invokedAt: 1, endedAt: Infinity, phase: 'info' },
    { invokedAt: 2, endedAt: 3, phase: 'ok' },
  ]);
  expect(operationsOf([record(1, 'a', 'invoke')])).toMatchObject([{ endedAt: Infinity, phase: 'info' }]);
});
