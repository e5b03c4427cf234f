import { AppError } from '@morningai/core/errors';
import { INITIAL } from '@morningai/core/task';
import type { Written } from '@morningai/log/task-writer';
import { createLogger } from '@morningai/service/logger';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRoster } from '../domain/roster.ts';
import { createClaims } from './claims.ts';
import type { WorkSession } from './work-session.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

function session(): WorkSession {
  const nothing = () => undefined;
  return {
    workerId: 'w',
    agents: new Map([['echo', '1']]),
    slots: 1,
    timeouts: new Map(),
    open: true,
    held: new Map(),
    joinedAt: new Date(),
    heardAt: 0,
    send: nothing,
    end: nothing,
  };
}

/** Whatever is unclaimed is offered again at once, as the lanes do. */
function openClaims(refusal: () => AppError) {
  return openClaimsOn(() => Promise.reject(refusal()));
}

function openClaimsOn(write: () => Promise<Written>) {
  const roster = createRoster<WorkSession>();
  roster.join(session());
  const asked: string[] = [];
  /** Task, and the slots that were free when it was told. */
  const unwanted: [string, number][] = [];
  const claims = createClaims({
    writer: {
      write({ taskId }) {
        asked.push(taskId);
        return write();
      },
    },
    roster,
    catalog: { known: () => undefined },
    assignments: { put: () => undefined, take: () => Promise.resolve(undefined) },
    runningLimits: { perTenant: null, perAgent: null },
    onUnclaimed: (taskId) => void claims.take('echo', [taskId], 'queue', 60_000),
    onUnwanted: ({ taskId }) => void unwanted.push([taskId, roster.free('echo')]),
    logger: createLogger('test', 'silent'),
    signal: new AbortController().signal,
  });
  return { claims, asked, unwanted };
}

test('a claim that the log has no room for is not asked for again at once', async () => {
  const { claims, asked } = openClaims(() => new AppError('OVERLOADED', 'full'));
  await claims.take('echo', ['task'], 'queue');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(249);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toHaveLength(2);
});

test('a claim that a limit refused costs its slot no rest', async () => {
  const details = { tenant: 'default', concurrencyKey: null };
  const refusals = [new AppError('LIMIT_REACHED', 'at the limit', { details })];
  const { claims, asked } = openClaims(() => refusals.pop() ?? new AppError('OVERLOADED', 'full'));
  await claims.take('echo', ['task'], 'queue');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toHaveLength(2);
});

test('a task that has ended elsewhere is told of, and its slot is free by then', async () => {
  const ended: Written = {
    taskId: 'task',
    tenant: 'default',
    state: INITIAL,
    version: 4,
    events: [],
    recordedAt: null,
    positions: [],
    duplicateOf: null,
    heldBack: null,
  };
  const { claims, unwanted } = openClaimsOn(() => Promise.resolve(ended));
  await claims.take('echo', ['task'], 'queue');
  await vi.advanceTimersByTimeAsync(0);
  expect(unwanted).toEqual([['task', 1]]);
});
