import { describe, expect, test } from 'vitest';
import { countersOf, openTasksKey, projectTask } from './task-projection.ts';
import { fold, type Event } from './task.ts';

const SUBMITTED: Event = {
  type: 'TaskSubmitted',
  data: {
    agent: 'echo',
    input: null,
    priority: 1,
    maxAttempts: 2,
    maxCrashes: 2,
    dueInMs: 5_000,
    expiresInMs: null,
    concurrencyKey: null,
    labels: {},
    idempotencyKey: null,
    requestDigest: 'digest',
  },
};
const STARTED: Event = {
  type: 'AttemptStarted',
  data: { fence: 1, claimId: 'a', worker: 'w', agentVersion: '1', leaseMs: 10_000 },
};
const RELEASED: Event = { type: 'AttemptReleased', data: { fence: 1 } };
const STEP: Event = { type: 'StepCompleted', data: { fence: 1, index: 0, step: 's', output: 1 } };
const ERROR = { code: 'OOPS', message: 'it failed' };
const failed = (retryInMs: number | null): Event => ({
  type: 'AttemptFailed',
  data: { fence: 1, error: ERROR, retryInMs },
});
const EXPIRED: Event = { type: 'AttemptExpired', data: { fence: 1, retryInMs: 700 } };
const COMPLETED: Event = { type: 'TaskCompleted', data: { fence: 1, output: 1 } };
const TASK_FAILED: Event = { type: 'TaskFailed', data: { error: ERROR } };

/** The row after the newest events, as they are appended after the earlier ones. */
function project(earlier: readonly Event[], newest: readonly Event[]) {
  return projectTask(newest, fold([...earlier, ...newest]));
}

describe('the row of a task', () => {
  test.each<[string, Event[], Event[], object]>([
    ['submitted: due', [], [SUBMITTED], { status: 'queued', fence: 0, wakeInMs: 5_000, starts: false, ends: false }],
    ['started: its lease', [SUBMITTED], [STARTED], { status: 'running', fence: 1, wakeInMs: 10_000, starts: true }],
    [
      'a step: as before',
      [SUBMITTED, STARTED],
      [STEP],
      { status: 'running', wakeInMs: null, starts: false, ends: false },
    ],
    ['released: due at once', [SUBMITTED, STARTED], [RELEASED], { status: 'queued', wakeInMs: 0 }],
    ['failed once: due after the wait', [SUBMITTED, STARTED], [failed(300)], { status: 'queued', wakeInMs: 300 }],
    ['expired: due after the wait', [SUBMITTED, STARTED], [EXPIRED], { status: 'queued', wakeInMs: 700 }],
    ['completed: ended', [SUBMITTED, STARTED], [COMPLETED], { status: 'completed', ends: true }],
    ['failed for good: ended', [SUBMITTED, STARTED], [failed(null), TASK_FAILED], { status: 'failed', ends: true }],
    [
      'all at once: the newest wait',
      [],
      [SUBMITTED, STARTED, STEP],
      { status: 'running', wakeInMs: 10_000, starts: true },
    ],
  ])('%s', (_, earlier, newest, row) => {
    expect(project(earlier, newest)).toMatchObject(row);
  });

  test('needs an event and a task', () => {
    expect(() => projectTask([], fold([SUBMITTED]))).toThrow(RangeError);
    expect(() => projectTask([STEP], fold([STEP]))).toThrow(RangeError);
  });
});

describe('the counter of open tasks', () => {
  test('rises with a submission, falls with an outcome, and is left alone by all else', () => {
    const key = openTasksKey('acme');
    expect(countersOf('acme', [SUBMITTED])).toEqual([{ key, delta: 1 }]);
    expect(countersOf('acme', [COMPLETED])).toEqual([{ key, delta: -1 }]);
    expect(countersOf('acme', [failed(null), TASK_FAILED])).toEqual([{ key, delta: -1 }]);
    expect(countersOf('acme', [STARTED, STEP, failed(1), EXPIRED, RELEASED])).toEqual([]);
    expect(countersOf('acme', [SUBMITTED, STARTED, COMPLETED])).toEqual([]);
  });

  test('sums up to the open tasks, however their histories are cut into appends', () => {
    const histories = [
      [SUBMITTED],
      [SUBMITTED, STARTED, COMPLETED],
      [SUBMITTED, STARTED, failed(1), STARTED],
      [SUBMITTED, STARTED, EXPIRED, STARTED, failed(null), TASK_FAILED],
      [SUBMITTED, STARTED, RELEASED],
    ];
    for (const size of [1, 2, 3, 6]) {
      const appends = histories.flatMap((events) =>
        Array.from({ length: Math.ceil(events.length / size) }, (_, n) => events.slice(n * size, (n + 1) * size)),
      );
      const open = appends.flatMap((events) => countersOf('acme', events)).reduce((sum, { delta }) => sum + delta, 0);
      expect(open).toBe(3);
    }
  });
});
