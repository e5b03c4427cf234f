import { openTasksKey } from '@morningai/core/task-projection';
import type { Command } from '@morningai/core/task';
import { describe, expect, test } from 'vitest';
import {
  cancel,
  complete,
  cutCancelled,
  expire,
  expireTask,
  newId,
  retry,
  start,
  step,
  submission,
  submit,
  TENANT,
} from '../test/requests.ts';
import { decideTask, isConditional, type KnownTask, type TaskCommand } from './task-batch.ts';

const taskId = newId();
const ask = (command: Command, more: Partial<TaskCommand> = {}): TaskCommand => ({
  taskId,
  tenant: TENANT,
  limits: [],
  command,
  ...more,
});
const of = (request: TaskCommand) => ask(request.command);

function known(...commands: readonly TaskCommand[]): KnownTask | undefined {
  if (commands.length === 0) return undefined;
  const { version, state } = decideTask(undefined, commands);
  return { tenant: TENANT, version, state };
}

const RUNNING = known(ask(submission()), of(start(taskId)));
const kinds = (decided: ReturnType<typeof decideTask>) => decided.decisions.map(({ decision }) => decision.kind);

/** What the outcome of a running task changes. */
const ENDED = [openTasksKey(TENANT), `running/${TENANT}`, `running/${TENANT}/agent/echo`].map((key) => ({
  key,
  delta: -1,
  max: null,
}));

describe('the commands of one task', () => {
  test('become one append with the row after all of them', () => {
    const decided = decideTask(RUNNING, [of(step(taskId, 1, 0)), of(step(taskId, 1, 1)), of(complete(taskId, 1))]);
    expect(kinds(decided)).toEqual(['events', 'events', 'events']);
    expect(decided).toMatchObject({ version: 5, before: { version: 2, state: { status: 'running' } } });
    expect(decided.append).toMatchObject({
      expectedVersion: 2,
      stream: `task/${taskId}`,
      life: 1,
      events: [{ type: 'StepCompleted' }, { type: 'StepCompleted' }, { type: 'TaskCompleted' }],
      guards: ENDED,
      task: { status: 'completed', ends: true, fence: 1, wakeInMs: null },
      onlyWhen: null,
      unlessLeased: null,
    });
  });

  test('are decided each on what the ones before it came to', () => {
    const decided = decideTask(RUNNING, [of(complete(taskId, 1)), of(complete(taskId, 1)), of(step(taskId, 1, 0))]);
    expect(kinds(decided)).toEqual(['events', 'repeat', 'refused']);
    expect(decided.append?.events).toHaveLength(1);
  });

  test('that change nothing make no append', () => {
    expect(decideTask(RUNNING, [of(start(taskId)), of(complete(taskId, 9))]).append).toBeNull();
    expect(decideTask(undefined, [of(start(taskId))])).toMatchObject({
      append: null,
      state: { status: 'none' },
      version: 0,
    });
  });

  test('belong to the tenant that submitted the task, whoever asks', () => {
    const decided = decideTask(RUNNING, [{ ...of(complete(taskId, 1)), tenant: '' }]);
    expect(decided.append).toMatchObject({ tenant: TENANT, guards: ENDED });
    expect(kinds(decideTask(RUNNING, [ask(submission(), { tenant: 'other' })]))).toEqual(['refused']);
  });
});

describe('conditions', () => {
  const limits = [{ key: openTasksKey(TENANT), max: 7 }];

  test('come with the command that stores something', () => {
    const key = ask(submission({ idempotencyKey: 'key', labels: { a: 'b' } }), { limits });
    expect(decideTask(undefined, [key]).append).toMatchObject({
      guards: [{ key: openTasksKey(TENANT), delta: 1, max: 7 }],
      submission: { key: 'key', requestDigest: 'digest' },
      task: { labels: { a: 'b' }, priority: 2, agent: 'echo' },
    });
    expect(decideTask(known(ask(submission())), [of(start(taskId))]).append).toMatchObject({ onlyWhen: 'due' });
    expect(decideTask(RUNNING, [of(expire(taskId, 1))]).append).toMatchObject({ unlessLeased: { fence: 1 } });
  });

  test('do not come with one that stores nothing, beside others that do', () => {
    const decided = decideTask(RUNNING, [
      ask(submission(), { limits }),
      of(start(taskId)),
      of(expire(taskId, 9)),
      of(step(taskId, 1, 0)),
    ]);
    expect(kinds(decided)).toEqual(['repeat', 'repeat', 'repeat', 'events']);
    expect(decided.append).toMatchObject({ guards: [], onlyWhen: null, unlessLeased: null, submission: null });
  });

  test('hold for a rise only: an outcome is never refused by a limit', () => {
    const decided = decideTask(RUNNING, [{ ...of(complete(taskId, 1)), limits }]);
    expect(decided.append?.guards).toEqual(ENDED);
  });

  test('of a start are those of its tenant, its agent and its concurrency key', () => {
    const queued = known(ask(submission({ concurrencyKey: 'k' })));
    const asked = { ...of(start(taskId)), runningLimits: { perTenant: 5, perAgent: null } };
    expect(decideTask(queued, [asked]).append?.guards).toEqual([
      { key: `running/${TENANT}`, delta: 1, max: 5 },
      { key: `running/${TENANT}/agent/echo`, delta: 1, max: null },
      { key: `running/${TENANT}/key/k`, delta: 1, max: 1 },
    ]);
  });

  test('are known by their command: what may be too early or leased, a retry, and whatever has a limit', () => {
    const timed = [start(taskId), expire(taskId, 1), cutCancelled(taskId, 1), expireTask(taskId)];
    const conditional = [submit(), retry(taskId), ...timed, { ...complete(taskId, 1), limits }];
    expect(conditional.map(isConditional)).toEqual(conditional.map(() => true));
    expect([complete(taskId, 1), step(taskId, 1, 0), cancel(taskId)].map(isConditional)).toEqual([false, false, false]);
  });

  test('of time are a cut’s and an expiry’s own', () => {
    const asked = known(ask(submission()), of(start(taskId)), of(cancel(taskId)));
    expect(decideTask(asked, [of(cutCancelled(taskId, 1))]).append).toMatchObject({ onlyWhen: 'over' });
    expect(decideTask(known(ask(submission())), [of(expireTask(taskId))]).append).toMatchObject({
      onlyWhen: 'expired',
    });
  });
});

describe('a Start behind its Submit', () => {
  const thenStart = {
    command: { type: 'Start', claimId: 'claim', worker: 'w', agentVersion: '1', leaseMs: 10_000 },
    runningLimits: { perTenant: 7, perAgent: null },
  } as const;

  test('becomes one append with it', () => {
    const decided = decideTask(undefined, [ask(submission(), { thenStart })]);
    expect(kinds(decided)).toEqual(['events']);
    expect(decided).toMatchObject({ version: 2, state: { status: 'running', fence: 1, claimId: 'claim' } });
    expect(decided.append).toMatchObject({
      events: [{ type: 'TaskSubmitted' }, { type: 'AttemptStarted' }],
      guards: [
        { key: openTasksKey(TENANT), delta: 1, max: null },
        { key: `running/${TENANT}`, delta: 1, max: 7 },
        { key: `running/${TENANT}/agent/echo`, delta: 1, max: null },
      ],
      task: { status: 'running', starts: true, wakeInMs: 10_000 },
    });
  });

  test('is not decided for a task that is due later, or is there already', () => {
    expect(decideTask(undefined, [ask(submission({ dueInMs: 1 }), { thenStart })])).toMatchObject({
      version: 1,
      state: { status: 'queued' },
    });
    expect(kinds(decideTask(known(ask(submission())), [ask(submission(), { thenStart })]))).toEqual(['repeat']);
  });
});
