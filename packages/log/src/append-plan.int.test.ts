/**
 * The worst case for plans: a session makes them while the tables are known to be small, keeps them, and goes on when they hold a
 * million rows that were never analyzed. What counts is what Postgres itself counts: scans, and index entries read.
 */
import { openTasksKey } from '@morningai/core/task-projection';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noted } from '../test/appends.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import {
  cancel,
  codeOf,
  complete,
  cutCancelled,
  expire,
  expireTask,
  fail,
  newId,
  retry,
  runOne,
  start,
  startNew,
  submit,
  TENANT,
} from '../test/requests.ts';
import { append } from './append.ts';
import { cancelledAttempts, expiredTasks } from './ends.ts';
import { dueTasks, expiredAttempts, overdueAttempts, renewLeases, sweepLeases } from './leases.ts';
import { loadTasks } from './load-tasks.ts';
import type { Pool } from './pool.ts';
import { readEvents, readHead, readStream } from './read.ts';
import { createTaskWriter, type TaskWriter } from './task-writer.ts';
import { taskStream } from './task-batch.ts';

const TASKS = 1_000_000;
const TABLES = ['events', 'commits', 'streams', 'tasks', 'outcomes', 'submissions', 'counters', 'leases'];
/** Plans become generic after the fifth execution. */
const WARM_UP = 8;
const ROUNDS = 20;
/**
 * Index entries that one round may read, all tables together; a scan reads a million. A thousand attempts have run for longer than their
 * first lease: each is looked at for a cancellation and for its time-out, and its own lease with that.
 */
const ENTRIES_PER_ROUND = 4_000;

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
  // Before any plan is made: a change of the table would throw it away, and so would autovacuum.
  for (const table of TABLES) await log.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
  // No plan depends on it, and the million rows need not go through the write-ahead log.
  for (const table of TABLES) await log.sql(`ALTER TABLE ${table} SET UNLOGGED`);
}, 300_000);
afterAll(() => log[Symbol.asyncDispose]());

test(
  'nothing in the way of a task scans, whatever the tables were when the plans were made',
  { timeout: 300_000 },
  async () => {
    // The session that made the plans is the one that uses them: a pool would close it while it is idle.
    const session = await log.openPool({ maxConnections: 1 }).session();
    const pool = { ...log.pool, query: session.query };
    const writer = createTaskWriter(pool);
    await everything(pool, writer, 0);
    // Now Postgres knows that each table is a page: reading it whole is the best plan there is.
    await log.sql('VACUUM ANALYZE');
    for (let round = 1; round <= WARM_UP; round += 1) await everything(pool, writer, round);

    await fill();
    const before = await counted(pool);
    for (let round = 0; round < ROUNDS; round += 1) await everything(pool, writer, WARM_UP + 1 + round);
    const after = await counted(pool);
    await writer.close();
    session.release();

    for (const table of TABLES) {
      expect(after[table]?.scans, `scans of ${table}`).toBe(before[table]?.scans);
      expect(after[table]?.scanned, `rows scanned in ${table}`).toBe(before[table]?.scanned);
    }
    const entries = (of: Counted) => TABLES.reduce((sum, table) => sum + (of[table]?.entries ?? 0), 0);
    expect(entries(after) - entries(before)).toBeLessThan(ROUNDS * ENTRIES_PER_ROUND);
  },
);

/** Every statement of this package that a running system sends, once or more. */
async function everything(pool: Pool, writer: TaskWriter, round: number): Promise<void> {
  const limits = [{ key: openTasksKey(TENANT), max: 2 * TASKS }];
  const [first] = await Promise.all(
    Array.from({ length: 10 }, (_, n) => writer.write(submit({ idempotencyKey: `round ${round}, ${n}` }, { limits }))),
  );
  const again = await writer.write(submit({ idempotencyKey: `round ${round}, 1` }));
  expect(again.duplicateOf).not.toBeNull();
  const { taskId } = first ?? { taskId: '' };
  await writer.write(start(taskId));
  const claims = [{ taskId, fence: 1 }];
  const renewals = claims.map((claim) => ({ ...claim, leaseMs: 60_000 }));
  expect(await renewLeases(pool, renewals)).toMatchObject(claims);
  expect((await writer.write(expire(taskId, 1))).heldBack).toBe('leased');
  await writer.write(complete(taskId, 1));
  await runOne(writer);
  const { taskId: failing } = await startNew(writer);
  await writer.write(fail(failing, 1, null));
  expect(await codeOf(writer.write(complete(newId(), 1)))).toBe('FENCED');
  await writer.write(retry(failing));
  await writer.write(start(failing));
  await writer.write(cancel(failing, { graceMs: 0 }));
  expect(await cancelledAttempts(pool, { agents: ['echo', 'other'], limit: 50 })).toEqual([
    { taskId: failing, fence: 2 },
  ]);
  await writer.write(cutCancelled(failing, 2));
  const { taskId: late } = await writer.write(submit({ expiresInMs: 1 }));
  await expect.poll(() => expiredTasks(pool, 50)).toEqual([late]);
  expect((await writer.write(start(late))).heldBack).toBe('early');
  await writer.write(expireTask(late));
  await append(pool, [noted(`check/${newId()}`, 0)]);
  await loadTasks(pool, [taskId, failing]);
  await dueTasks(pool, { agent: 'echo', limit: 50 });
  await expiredAttempts(pool, { agents: ['echo', 'other'], limit: 50 });
  await overdueAttempts(pool, { agents: ['echo', 'other'], limit: 50, graceMs: 5_000 });
  const { head } = await readHead(pool);
  await readEvents(pool, head - 20, 50);
  await readStream(pool, taskStream(taskId), 0, 50);
  if (round <= WARM_UP) await sweepLeases(pool, 10);
}

/** A backlog: half of it due long from now and more urgent, and a history behind it. */
async function fill(): Promise<void> {
  await log.sql(`
    INSERT INTO tasks (id, created_at, updated_at, wake_at, submitted_position, version, fence, priority, status, tenant, agent, state)
    SELECT lpad(to_hex(n), 32, '0')::uuid, now(), now(), now() + CASE WHEN n % 2 = 0 THEN '1 day' ELSE '-1 day' END::interval,
           1000000 + n, 1, 0, n % 2, CASE WHEN n % 1000 = 1 THEN 'running' ELSE 'queued' END, '${TENANT}', 'echo', '{}'
    FROM generate_series(1, ${TASKS}) AS n;
    INSERT INTO events (position, recorded_at, version, life, stream, tenant, type, digest, data)
    SELECT 1000000 + n, now(), 1, 1, 'task/' || lpad(to_hex(n), 32, '0')::uuid, '${TENANT}', 'TaskSubmitted', '', '{}'
    FROM generate_series(1, ${TASKS}) AS n;
    INSERT INTO commits SELECT 1000000 + 10 * n, 1000000 + 10 * n - 9, now(), sha256('') FROM generate_series(1, ${TASKS / 10}) AS n;
    INSERT INTO submissions SELECT '${TENANT}', n::text, lpad(to_hex(n), 32, '0')::uuid, '' FROM generate_series(1, ${TASKS / 10}) AS n;
    INSERT INTO leases SELECT lpad(to_hex(n), 32, '0')::uuid, 0, now() + '1 day' FROM generate_series(1, ${TASKS / 10}) AS n;
    INSERT INTO outcomes SELECT lpad(to_hex(n), 32, '0')::uuid, 1, 1 FROM generate_series(1, ${TASKS / 10}) AS n;
    INSERT INTO streams SELECT 'memory/' || n, 1 FROM generate_series(1, ${TASKS / 10}) AS n;
    INSERT INTO counters SELECT 'open/' || n, 1 FROM generate_series(1, ${TASKS / 10}) AS n`);
}

type Counted = Record<string, { scans: number; scanned: number; entries: number }>;

async function counted(pool: Pool): Promise<Counted> {
  // A session keeps its counts to itself for up to a second.
  await pool.query({ name: 'flush', sql: 'SELECT pg_stat_force_next_flush()' }, []);
  const rows = await log.sql<{ relname: string; scans: string; scanned: string; entries: string }>(`
    SELECT t.relname, t.seq_scan AS scans, t.seq_tup_read AS scanned, sum(i.idx_tup_read) AS entries
    FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid) GROUP BY 1, 2, 3`);
  return Object.fromEntries(
    rows.map(({ relname, ...row }) => [
      relname,
      { scans: Number(row.scans), scanned: Number(row.scanned), entries: Number(row.entries) },
    ]),
  );
}
