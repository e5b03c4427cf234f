import { expect, test } from 'vitest';
import { dueTasks, expiredAttempts, renewLeases } from '../src/leases.ts';
import { verifyLog } from '../src/verify.ts';
import { openLog } from './open-log.ts';
import { complete, expire, start, submit } from './requests.ts';

const WRITERS = 4;
const TASKS_PER_WRITER = 250;
const IN_FLIGHT = 25;

test('lease renewals, sweeps and picks run beside append load without one deadlock', { timeout: 120_000 }, async () => {
  await using log = await openLog();
  const running = new Map<string, number>();
  const load = new AbortController();
  let renewals = 0;
  let picks = 0;

  const writeTasks = async () => {
    const writer = log.openWriter();
    const one = async () => {
      const { taskId } = await writer.write(submit());
      const { state } = await writer.write(start(taskId));
      if (state.status !== 'running') throw new Error(`the task is ${state.status}`);
      running.set(taskId, state.fence);
      // While its lease holds, an expiry is refused under the lock; this reads `leases` in the append.
      const held = await writer.write(expire(taskId, state.fence));
      expect(['leased', null]).toContain(held.heldBack);
      if (held.heldBack === 'leased') await writer.write(complete(taskId, state.fence));
      running.delete(taskId);
    };
    for (let done = 0; done < TASKS_PER_WRITER; done += IN_FLIGHT) {
      await Promise.all(Array.from({ length: IN_FLIGHT }, one));
    }
  };
  const renew = async () => {
    const pool = log.openPool();
    while (!load.signal.aborted) {
      // Each renewer sends them in an order of its own.
      const claims = [...running].map(([taskId, fence]) => ({ taskId, fence })).toSorted(() => Math.random() - 0.5);
      renewals += (await renewLeases(pool, claims, 60_000)).length;
    }
  };
  const pick = async () => {
    const pool = log.openPool();
    while (!load.signal.aborted) {
      await dueTasks(pool, { agent: 'echo', limit: 100 });
      await expiredAttempts(pool, { agents: ['echo'], limit: 100 });
      picks += 1;
    }
  };

  const beside = [renew(), renew(), renew(), pick(), pick()];
  await Promise.all(Array.from({ length: WRITERS }, writeTasks));
  load.abort();
  await Promise.all(beside);

  expect(renewals).toBeGreaterThan(0);
  expect(picks).toBeGreaterThan(0);
  const [row] = await log.sql<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(row?.deadlocks).toBe(0);
  const report = await verifyLog(log.pool);
  expect(report).toMatchObject({ problems: [], recordedTwice: 0 });
  expect(report.ledger.accepted).toBe(WRITERS * TASKS_PER_WRITER);
});
