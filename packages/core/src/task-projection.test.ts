import { describe, expect, test } from 'vitest';
import { counterChanges, countersOf, limitsOfRunning, openTasksKey, projectTask } from './task-projection.ts';
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
const CANCEL_REQUESTED: Event = { type: 'TaskCancelRequested', data: { fence: 1, reason: 'r', graceMs: 4_000 } };
const CANCELLED: Event = { type: 'TaskCancelled', data: { reason: 'r' } };
const RETRIED: Event = { type: 'TaskRetried', data: { dueInMs: 50 } };

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
      'asked to stop: its grace',
      [SUBMITTED, STARTED],
      [CANCEL_REQUESTED],
      { status: 'running', wakeInMs: 4_000, starts: false, ends: false },
    ],
    ['cancelled: ended', [SUBMITTED], [CANCELLED], { status: 'cancelled', ends: true }],
    [
      'cut, and failed while asked to stop: ended',
      [SUBMITTED, STARTED, CANCEL_REQUESTED],
      [failed(null), CANCELLED],
      { status: 'cancelled', ends: true },
    ],
    [
      'retried: due again',
      [SUBMITTED, STARTED, failed(null), TASK_FAILED],
      [RETRIED],
      { status: 'queued', fence: 1, wakeInMs: 50, ends: false },
    ],
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

describe('the counters', () => {
  const keyed: Event = { ...SUBMITTED, data: { ...SUBMITTED.data, concurrencyKey: 'k' } };
  const running = ['running/acme', 'running/acme/agent/echo'];
  const sums = (pairs: readonly { key: string; delta: number }[]) => {
    const sum = new Map<string, number>();
    for (const { key, delta } of pairs) sum.set(key, (sum.get(key) ?? 0) + delta);
    return Object.fromEntries([...sum].filter(([, value]) => value !== 0));
  };

  test('count an open task, and a running one by tenant, agent and concurrency key', () => {
    expect(countersOf('acme', fold([]))).toEqual([]);
    expect(countersOf('acme', fold([SUBMITTED]))).toEqual([openTasksKey('acme')]);
    expect(countersOf('acme', fold([SUBMITTED, STARTED, STEP]))).toEqual([openTasksKey('acme'), ...running]);
    expect(countersOf('acme', fold([keyed, STARTED]))).toEqual([
      openTasksKey('acme'),
      ...running,
      'running/acme/key/k',
    ]);
    for (const end of [RELEASED, failed(1), EXPIRED]) {
      expect(countersOf('acme', fold([keyed, STARTED, end]))).toEqual([openTasksKey('acme')]);
    }
    expect(countersOf('acme', fold([keyed, STARTED, COMPLETED]))).toEqual([]);
    expect(countersOf('acme', fold([keyed, STARTED, failed(null), TASK_FAILED]))).toEqual([]);
    expect(countersOf('acme', fold([keyed, STARTED, CANCEL_REQUESTED, CANCELLED]))).toEqual([]);
    expect(countersOf('acme', fold([SUBMITTED, TASK_FAILED, RETRIED]))).toEqual([openTasksKey('acme')]);
  });

  test('sum up to the tasks as they are, however their histories are cut into appends', () => {
    const histories = [
      [SUBMITTED],
      [SUBMITTED, STARTED, COMPLETED],
      [keyed, STARTED, failed(1), STARTED],
      [SUBMITTED, STARTED, EXPIRED, STARTED, failed(null), TASK_FAILED],
      [SUBMITTED, STARTED, RELEASED],
      [SUBMITTED, STARTED, CANCEL_REQUESTED, CANCELLED],
      [SUBMITTED, STARTED, failed(null), TASK_FAILED, RETRIED],
    ];
    for (const size of [1, 2, 3, 6]) {
      const changes = histories.flatMap((events) =>
        Array.from({ length: Math.ceil(events.length / size) }, (_, n) =>
          counterChanges('acme', fold(events.slice(0, n * size)), fold(events.slice(0, (n + 1) * size))),
        ).flat(),
      );
      const whole = histories.flatMap((events) => countersOf('acme', fold(events)).map((key) => ({ key, delta: 1 })));
      expect(sums(changes)).toEqual(sums(whole));
      expect(sums(changes)).toMatchObject({ [openTasksKey('acme')]: 4, 'running/acme': 1, 'running/acme/key/k': 1 });
    }
  });

  test('limit a start: one at a time of a concurrency key, and what is configured', () => {
    const none = { perTenant: null, perAgent: null };
    expect(limitsOfRunning('acme', { agent: 'echo' }, none)).toEqual([]);
    expect(limitsOfRunning('acme', { agent: 'echo', concurrencyKey: 'k' }, { perTenant: 5, perAgent: 2 })).toEqual([
      { key: 'running/acme', max: 5 },
      { key: 'running/acme/agent/echo', max: 2 },
      { key: 'running/acme/key/k', max: 1 },
    ]);
  });
});
