import { LOG_MIGRATIONS, migrate } from '@morningai/log/migrate';
import { openPool, type Pool } from '@morningai/log/pool';
import { createTaskWriter, type TaskWriter } from '@morningai/log/task-writer';
import { createLogger } from '@morningai/service/logger';
import { openTestDatabase, type TestDatabase } from '@morningai/testbed/database';
import { eventually } from '@morningai/testbed/eventually';
import { openProxy } from '@morningai/testbed/proxy';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startHeartbeats, type Beat } from './heartbeats.ts';

const LEASE_MS = 60_000;
let database: TestDatabase;
let pool: Pool;
let owner: Pool;
let writer: TaskWriter;
beforeAll(async () => {
  database = await openTestDatabase({ adminUrl: inject('postgresUrl') });
  await migrate(database.url, [LOG_MIGRATIONS], new AbortController().signal);
  pool = openPool({ url: database.url, name: 'test' });
  owner = openPool({ url: database.url, name: 'owner', role: null });
  writer = createTaskWriter(pool);
});
afterAll(async () => {
  await writer.close();
  await Promise.all([pool.close(), owner.close()]);
  await database[Symbol.asyncDispose]();
});

const logger = createLogger('test', 'silent');
const start = (options: { through?: Pool; onAway?: () => void } = {}) =>
  startHeartbeats({ pool: options.through ?? pool, logger, onAway: options.onAway ?? (() => undefined) });

/** Attempts that run. */
async function running(count: number) {
  const ask = {
    tenant: 'acme',
    limits: [],
    urgency: 'submit',
    bytes: 1,
    deadlineAt: performance.now() + 30_000,
  } as const;
  const submission = {
    agent: 'echo',
    input: null,
    priority: 2,
    maxAttempts: 3,
    maxCrashes: 3,
    dueInMs: 0,
    expiresInMs: null,
    concurrencyKey: null,
    labels: {},
    idempotencyKey: null,
    requestDigest: 'digest',
  };
  const claim = { claimId: 'a', worker: 'w', agentVersion: '1', leaseMs: LEASE_MS };
  const ids = Array.from({ length: count }, () => v7());
  await Promise.all(ids.map((taskId) => writer.write({ ...ask, taskId, command: { type: 'Submit', ...submission } })));
  await Promise.all(ids.map((taskId) => writer.write({ ...ask, taskId, command: { type: 'Start', ...claim } })));
  return ids.map((taskId) => ({ taskId, fence: 1 }));
}

function beatOf(claims: readonly { taskId: string; fence: number }[], leaseMs = LEASE_MS) {
  const lost: string[] = [];
  const beat: Beat = {
    renewals: claims.map((claim) => ({ ...claim, leaseMs })),
    onLost: ({ taskId, fence }) => lost.push(`${taskId}/${fence}`),
    onCancelled: () => undefined,
  };
  return { beat, lost };
}

async function leased(claims: readonly { taskId: string }[]): Promise<number> {
  const sql = 'SELECT count(*)::int AS leased FROM leases WHERE task_id = ANY ($1::uuid[]) AND until > now()';
  const rows = await pool.query<{ leased: number }>({ name: 'leased', sql }, [claims.map(({ taskId }) => taskId)]);
  return rows[0]?.leased ?? 0;
}

test('many claims are renewed together, and only those that were lost are told of', async () => {
  const heartbeats = start();
  const claims = await running(2_500);
  const zombie = { taskId: claims[0]?.taskId ?? '', fence: 7 };
  const { beat, lost } = beatOf([...claims, zombie]);
  heartbeats.beat(beat);
  await eventually(async () => expect(await leased(claims)).toBe(2_500));
  await eventually(() => expect(lost).toEqual([`${zombie.taskId}/7`]));
  await heartbeats.close();
});

test('a statement that hangs does not keep the leases of others from being renewed', async () => {
  const heartbeats = start();
  const [stuck, healthy] = [await running(1), await running(1)];
  heartbeats.beat(beatOf(stuck).beat);
  await eventually(async () => expect(await leased(stuck)).toBe(1));
  // Somebody holds the row: the next renewal of it waits.
  const hold = 'SELECT pg_sleep(2.5) FROM (SELECT FROM leases WHERE task_id = $1 FOR UPDATE) l';
  const held = owner.query({ name: 'hold', sql: hold }, [stuck[0]?.taskId]);
  await eventually(async () => expect(await waiting('PgSleep')).toBe(1));
  heartbeats.beat(beatOf(stuck).beat);
  await eventually(async () => expect(await waiting('transactionid')).toBe(1));
  heartbeats.beat(beatOf(healthy).beat);
  await eventually(async () => expect([await leased(healthy), await waiting('transactionid')]).toEqual([1, 1]));
  await held;
  await heartbeats.close();
});

/** Statements on this database that wait for this. */
async function waiting(event: string): Promise<number> {
  const sql = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event = $1`;
  return (await owner.query<{ waiting: number }>({ name: 'waiting', sql }, [event]))[0]?.waiting ?? 0;
}

test('what could not be written is tried again when Postgres is back, unless it is older than its lease', async () => {
  await using proxy = await openProxy({ target: database.url });
  const through = openPool({ url: proxy.through(database.url), name: 'through' });
  let away = 0;
  const heartbeats = start({ through, onAway: () => (away += 1) });
  const [fresh, stale] = [await running(1), await running(1)];
  proxy.refuse();
  heartbeats.beat(beatOf(fresh).beat);
  heartbeats.beat(beatOf(stale, 1).beat);
  await eventually(() => expect(away).toBeGreaterThan(1));
  proxy.pass();
  await eventually(async () => expect(await leased(fresh)).toBe(1));
  expect(await leased(stale)).toBe(0);
  await heartbeats.close();
  await through.close();
});
