import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog, openOn, type TestLog } from '../test/open-log.ts';
import {
  codeOf,
  complete,
  expire,
  fail,
  newId,
  release,
  runOne,
  start,
  startNew,
  step,
  submit,
} from '../test/requests.ts';
import { dueTasks, expiredAttempts, overdueAttempts, renewLeases, sweepLeases, type Claim } from './leases.ts';
import type { Pool } from './pool.ts';
import type { TaskWriter } from './task-writer.ts';
import { verifyLog } from './verify.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

const MINUTE = 60_000;
const renew = (pool: Pool, claims: readonly Claim[], leaseMs = MINUTE) =>
  renewLeases(
    pool,
    claims.map((claim) => ({ ...claim, leaseMs })),
  );
/** A first lease that is over at once. */
const OVER = { leaseMs: 0 };

describe('a renewal', () => {
  test('is for the attempt that runs with this very fence, and tells who has lost his', async () => {
    const running = await startNew(log.writer);
    const completed = await startNew(log.writer);
    await log.writer.write(complete(completed.taskId, 1));
    const restarted = await startNew(log.writer);
    await log.writer.write(release(restarted.taskId, 1));
    await log.writer.write(start(restarted.taskId));
    const claims = [running, completed, restarted, { taskId: newId(), fence: 1 }, { ...running, fence: 2 }, running];
    expect(await renew(log.pool, claims)).toEqual([{ ...running, cancel: null }]);
    expect(await renew(log.pool, [{ ...restarted, fence: 2 }])).toHaveLength(1);
    expect(await renew(log.pool, [])).toEqual([]);
  });

  test('never shortens a lease, unless it is the next attempt’s', async () => {
    const { taskId } = await startNew(log.writer, OVER);
    const until = async () =>
      (await log.sql<{ until: Date }>('SELECT until FROM leases WHERE task_id = $1', [taskId]))[0]?.until.getTime() ??
      0;
    await renew(log.pool, [{ taskId, fence: 1 }], 60 * MINUTE);
    const long = await until();
    await renew(log.pool, [{ taskId, fence: 1 }]);
    expect(await until()).toBe(long);
    await log.writer.write(release(taskId, 1));
    await log.writer.write(start(taskId));
    await renew(log.pool, [{ taskId, fence: 2 }]);
    expect(await until()).toBeLessThan(long);
  });
});

describe('an attempt', () => {
  test('is expired neither within its first lease nor within a renewed one, and then it is', async () => {
    const { taskId } = await startNew(log.writer, { leaseMs: MINUTE });
    expect(await log.writer.write(expire(taskId, 1))).toMatchObject({
      heldBack: 'leased',
      events: [],
      version: 2,
      state: { status: 'running', fence: 1 },
    });
    const over = await startNew(log.writer, OVER);
    await renew(log.pool, [over]);
    expect((await log.writer.write(expire(over.taskId, 1))).heldBack).toBe('leased');
    await log.sql('UPDATE leases SET until = now() WHERE task_id = $1', [over.taskId]);
    expect(await log.writer.write(expire(over.taskId, 1))).toMatchObject({
      heldBack: null,
      state: { status: 'queued', crashes: 1 },
    });
    expect(await codeOf(log.writer.write(complete(over.taskId, 1)))).toBe('FENCED');
  });

  test('does not live on by the lease of the attempt before it', async () => {
    const { taskId } = await startNew(log.writer, OVER);
    await renew(log.pool, [{ taskId, fence: 1 }]);
    await log.writer.write(fail(taskId, 1));
    await log.writer.write(start(taskId, OVER));
    expect((await log.writer.write(expire(taskId, 2))).state).toMatchObject({ status: 'queued', crashes: 1 });
  });

  test('is listed as expired once both its leases are over', async () => {
    const agent = newId();
    const started = async (leaseMs: number) => {
      const { taskId } = await log.writer.write(submit({ agent }));
      await log.writer.write(start(taskId, { leaseMs }));
      return { taskId, fence: 1 };
    };
    const [over, renewed] = [await started(0), await started(0)];
    await started(MINUTE);
    await renew(log.pool, [renewed]);
    const listed = { ...over, tenant: 'acme', agent, failures: 0, begun: false };
    expect(await expiredAttempts(log.pool, { agents: [agent, 'other'], limit: 10 })).toEqual([listed]);
    expect(await expiredAttempts(log.pool, { agents: ['other'], limit: 10 })).toEqual([]);
    expect(await expiredAttempts(log.pool, { agents: [agent], limit: 0 })).toEqual([]);
    await log.writer.write(expire(over.taskId, 1));
    expect(await expiredAttempts(log.pool, { agents: [agent], limit: 10 })).toEqual([]);
  });
});

describe('an attempt that is over its lease', () => {
  test('counts as begun once a heartbeat was heard or a step recorded, and only of its own fence', async () => {
    const agent = newId();
    const { taskId } = await log.writer.write(submit({ agent }));
    const begun = async () => {
      const [listed] = await expiredAttempts(log.pool, { agents: [agent], limit: 10 });
      return listed?.begun;
    };
    await log.writer.write(start(taskId, OVER));
    expect(await begun()).toBe(false);
    expect((await log.writer.write(expire(taskId, 1, { begun: false }))).state).toMatchObject({
      status: 'queued',
      failures: 0,
    });

    await log.writer.write(start(taskId, OVER));
    await renew(log.pool, [{ taskId, fence: 2 }], 0);
    expect(await begun()).toBe(true);
    expect((await log.writer.write(expire(taskId, 2))).state).toMatchObject({ status: 'queued', crashes: 1 });

    await log.writer.write(start(taskId, OVER));
    expect(await begun()).toBe(false);
    await log.writer.write(step(taskId, 3, 0));
    expect((await log.writer.write(expire(taskId, 3, { begun: false }))).state).toMatchObject({ crashes: 2 });
  });

  test('is not released when a heartbeat arrives between the look and the decision', async () => {
    const { taskId } = await startNew(log.writer, OVER);
    await renew(log.pool, [{ taskId, fence: 1 }]);
    expect(await log.writer.write(expire(taskId, 1, { begun: false }))).toMatchObject({
      heldBack: 'leased',
      state: { status: 'running' },
    });
  });

  test('that has a time-out is overdue after it and the grace; without one, or never begun, it is not', async () => {
    const agent = newId();
    const started = async (fields: { timeoutMs?: number }) => {
      const { taskId } = await log.writer.write(submit({ agent }));
      await log.writer.write(start(taskId, fields));
      return taskId;
    };
    const short = await started({ timeoutMs: 0 });
    const others = [await started({ timeoutMs: MINUTE }), await started({})];
    const begun = [short, ...others].map((taskId) => ({ taskId, fence: 1 }));
    await renew(log.pool, begun);
    await started({ timeoutMs: 0 });
    const overdue = (graceMs: number) => overdueAttempts(log.pool, { agents: [agent], limit: 10, graceMs });
    expect(await overdue(0)).toEqual([{ taskId: short, fence: 1, tenant: 'acme', agent, failures: 0, timeoutMs: 0 }]);
    expect(await overdue(MINUTE)).toEqual([]);
    await log.writer.write(fail(short, 1));
    expect(await overdue(0)).toEqual([]);
  });
});

describe('due tasks', () => {
  test('come by priority, then as long as they have been due, and only those that are due', async () => {
    const agent = newId();
    const ids: Record<string, string> = {};
    const add = async (name: string, fields: Parameters<typeof submit>[0]) => {
      ids[name] = (await log.writer.write(submit({ agent, ...fields }))).taskId;
    };
    await add('later', { priority: 0, dueInMs: MINUTE });
    await add('lowest', { priority: 3, dueInMs: -MINUTE });
    await add('second', { priority: 2, dueInMs: -1_000 });
    await add('first', { priority: 2, dueInMs: -MINUTE });
    await add('urgent', { priority: 0 });
    await add('running', { priority: 0, dueInMs: -MINUTE });
    await log.writer.write(start(ids['running'] ?? ''));
    await log.writer.write(submit({ agent: 'other' }));
    const names = async (limit: number) => {
      const { tasks: due } = await dueTasks(log.pool, { agent, limit });
      return due.map(({ taskId }) => Object.keys(ids).find((name) => ids[name] === taskId));
    };
    expect(await names(10)).toEqual(['urgent', 'first', 'second', 'lowest']);
    expect(await names(2)).toEqual(['urgent', 'first']);
    expect(await dueTasks(log.pool, { agent: 'nobody', limit: 10 })).toEqual({ tasks: [], walkedTo: null });
  });

  test('are picked from the tenants in turns, but not from those that are passed over, and from another place if asked', async () => {
    const agent = 'fair';
    for (const tenant of ['a', 'a', 'a', 'a', 'b', 'c']) await log.writer.write({ ...submit({ agent }), tenant });
    const tenants = async (query: object) =>
      (await dueTasks(log.pool, { agent, limit: 3, ...query })).tasks.map(({ tenant }) => tenant).toSorted();
    expect(await tenants({})).toEqual(['a', 'b', 'c']);
    expect(await tenants({ limit: 10 })).toEqual(['a', 'a', 'a', 'a', 'b', 'c']);
    expect(await tenants({ exceptTenants: ['a'] })).toEqual(['b', 'c']);
    expect(await tenants({ offset: 3 })).toEqual(['a', 'a', 'a']);
  });

  test('are found behind any number of tenants that have nothing due, page by page', async () => {
    const agent = 'crowded';
    const make = (tenant: string, dueInMs: number) => log.writer.write({ ...submit({ agent, dueInMs }), tenant });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => make(`a-${n}`, MINUTE)));
    const { taskId } = await make('z', 0);
    const first = await dueTasks(log.pool, { agent, limit: 10 });
    expect(first).toEqual({ tasks: [], walkedTo: 'a-999' });
    const second = await dueTasks(log.pool, { agent, limit: 10, afterTenant: first.walkedTo ?? '' });
    expect(second).toEqual({ tasks: [{ taskId, tenant: 'z' }], walkedTo: null });
  });

  test('that are due later cannot be started', async () => {
    const { taskId } = await log.writer.write(submit({ dueInMs: MINUTE }));
    expect(await log.writer.write(start(taskId))).toMatchObject({
      heldBack: 'early',
      version: 1,
      state: { status: 'queued', fence: 0 },
    });
    const { taskId: failing } = await startNew(log.writer);
    await log.writer.write(fail(failing, 1, MINUTE));
    expect((await log.writer.write(start(failing))).heldBack).toBe('early');
  });
});

test('the leases of attempts that have ended are swept, the others are not', async () => {
  await using own = await openLog();
  const attempts = await Promise.all(Array.from({ length: 12 }, () => startNew(own.writer, OVER)));
  const holding = attempts.slice(0, 4);
  const ended = attempts.slice(4);
  await renew(own.pool, attempts);
  await Promise.all(ended.map(({ taskId }) => own.writer.write(complete(taskId, 1))));
  // Over, but the attempt may come back before anybody expires it; over and ended; ended and not over.
  await own.sql('UPDATE leases SET until = now() WHERE task_id = ANY ($1)', [
    [holding[0], ...ended.slice(1)].map((claim) => claim?.taskId),
  ]);
  await sweepLeases(own.pool, 5);
  const left = await own.sql<{ task_id: string }>('SELECT task_id FROM leases ORDER BY task_id');
  const kept = [...holding, ...ended.slice(0, 1)].map(({ taskId }) => taskId);
  expect(left.map((row) => row.task_id)).toEqual(kept.toSorted());
});

test('renewals, picks, sweeps and thousands of appends beside each other meet without one deadlock', async () => {
  await using own = await openLog();
  const rounds = await mixedLoad(own.url);
  for (const count of rounds) expect(count).toBeGreaterThan(2);
  // The sessions are closed, so all that they have counted is told.
  const [counted] = await own.sql('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()');
  expect(counted).toEqual({ deadlocks: 0 });
  const { problems, ledger } = await verifyLog(own.pool);
  expect(problems).toEqual([]);
  expect(ledger).toMatchObject({ completed: 3 * 10 * 50, open: 200 });
});

/** @returns how often each of those beside the appends came round */
async function mixedLoad(url: string): Promise<readonly number[]> {
  await using own = openOn(url);
  const held = await Promise.all(Array.from({ length: 200 }, () => startNew(own.writer)));
  const stop = new AbortController();
  const beside = async (work: () => Promise<unknown>) => {
    let rounds = 0;
    for (; !stop.signal.aborted; rounds += 1) await work();
    return rounds;
  };
  const shuffled = () => held.toSorted(() => Math.random() - 0.5);
  const load = async (writer: TaskWriter) => {
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 50 }, () => runOne(writer)));
      // Of those that are being renewed, some end and some begin again.
      const some = shuffled().slice(0, 20);
      await Promise.all(some.map(({ taskId, fence }) => codeOf(writer.write(release(taskId, fence)))));
      await Promise.all(some.map(({ taskId }) => codeOf(writer.write(start(taskId)))));
    }
  };
  const writers = [own.writer, own.openWriter(), own.openWriter()];
  const loads = Promise.all(writers.map(load)).finally(() => stop.abort());
  const rounds = await Promise.all([
    beside(() => renew(own.pool, shuffled())),
    beside(() => renew(own.pool, shuffled())),
    beside(() => dueTasks(own.pool, { agent: 'echo', limit: 100 })),
    beside(() => expiredAttempts(own.pool, { agents: ['echo'], limit: 100 })),
    beside(() => sweepLeases(own.pool, 50)),
  ]);
  await loads;
  return rounds;
}
