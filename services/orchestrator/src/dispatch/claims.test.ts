import { AppError } from '@morningai/core/errors';
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
  const roster = createRoster<WorkSession>();
  roster.join(session());
  const asked: string[] = [];
  const claims = createClaims({
    writer: {
      write({ taskId }) {
        asked.push(taskId);
        return Promise.reject(refusal());
      },
    },
    roster,
    catalog: { known: () => undefined },
    assignments: { put: () => undefined, take: () => Promise.resolve(undefined) },
    runningLimits: { perTenant: null, perAgent: null },
    onUnclaimed: (taskId) => void claims.take('echo', [taskId], 'queue', 60_000),
    logger: createLogger('test', 'silent'),
    signal: new AbortController().signal,
  });
  return { claims, asked };
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
