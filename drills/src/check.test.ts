import { expect, test } from 'vitest';
import { check, type TaskEvent } from './check.ts';
import type { Book, Entry } from './load.ts';

const TASK = 'task-1';

function book(...entries: readonly Partial<Entry>[]): Book {
  const all = entries.map((entry, index): Entry => {
    const key = `run-${index + 1}`;
    return { key, ids: new Set([TASK]), state: 'accepted', outcome: 'completed', ...entry };
  });
  const setbacks = new Map<string, number>();
  return { prefix: 'run-', entries: new Map(all.map((entry) => [entry.key, entry])), setbacks, slowestAcceptMs: 0 };
}

/** A history, as types with what matters of their data. */
function history(...events: readonly [string, Record<string, unknown>?][]): readonly TaskEvent[] {
  return events.map(([type, data = {}], index) => {
    const version = index + 1;
    return { position: version, taskId: TASK, version, life: 1, type, data, recordedAtMs: version * 10 };
  });
}

const submitted: [string, Record<string, unknown>] = ['TaskSubmitted', { idempotencyKey: 'run-1' }];
const started = (fence: number): [string, Record<string, unknown>] => ['AttemptStarted', { fence }];
const completed = (fence: number): [string, Record<string, unknown>] => ['TaskCompleted', { fence }];

test('a task that was accepted and done once is fine', () => {
  const { ledger, violations } = check(book({}), history(submitted, started(1), completed(1)));
  expect(violations).toEqual([]);
  expect(ledger).toMatchObject({ accepted: 1, completed: 1, open: 0, lost: 0, recordedTwice: 0 });
});

test('an accepted task that the log does not have is lost', () => {
  const { ledger, violations } = check(book({}), []);
  expect(ledger).toMatchObject({ accepted: 1, lost: 1 });
  expect(violations).toEqual(['run-1 was accepted as task-1; the log has nothing']);
});

test('a second outcome in one life is seen', () => {
  const { ledger, violations } = check(book({}), history(submitted, started(1), completed(1), completed(1)));
  expect(ledger.recordedTwice).toBe(1);
  expect(violations).toContain('1 outcomes were recorded twice');
});

test('a task that is open, or ended otherwise than it must, is seen', () => {
  expect(check(book({}), history(submitted, started(1))).violations).toEqual([
    'task-1 is open, and should be completed',
  ]);
  const failed = check(book({}), history(submitted, started(1), ['TaskFailed']));
  expect(failed.violations).toEqual(['task-1 is failed, and should be completed']);
});

test('fences that do not rise, an outcome of an older one, and a gap in the versions are seen', () => {
  const stale = check(book({}), history(submitted, started(2), started(1), completed(2)));
  expect(stale.violations).toEqual([
    'task-1: fence 1 after 2',
    'task-1: completed under fence 2, and 1 held the claim',
  ]);
  const [first, , last] = history(submitted, started(1), completed(1));
  if (first === undefined || last === undefined) throw new Error('no history');
  expect(check(book({}), [first, last]).violations).toContain('task-1: version 3 where 2 belongs');
});

test('one key that became two tasks, and a task nobody asked for, are seen', () => {
  const other = history(submitted).map((event) => ({ ...event, taskId: 'task-2' }));
  const twice = check(book({}), [...history(submitted, started(1), completed(1)), ...other]);
  expect(twice.violations).toEqual(['run-1 is in the log 2 times: task-1, task-2']);
  const foreign = history(['TaskSubmitted', { idempotencyKey: 'run-9' }]);
  expect(check(book(), foreign).violations).toEqual(['task task-1 was asked for by nobody: key run-9']);
  const answers = check(book({ ids: new Set([TASK, 'task-2']) }), history(submitted, started(1), completed(1)));
  expect(answers.violations).toEqual(['run-1 was answered with 2 tasks: task-1, task-2']);
});

test('what was refused must not be in the log; what was never answered is no success', () => {
  const refused = check(book({ state: 'refused', ids: new Set() }), history(submitted));
  expect(refused.violations).toEqual(['run-1 was refused', 'run-1 was refused, and is in the log']);
  expect(check(book({ state: 'unknown', ids: new Set() }), []).violations).toEqual(['run-1 was never answered']);
});
