import { openProxy } from '@morningai/testbed/proxy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog, type TestLog } from '../test/open-log.ts';
import { openPool, POSTGRES_TIMEOUTS, type Pool, type Statement } from './pool.ts';
import { classifyFailure, sqlState } from './postgres-failure.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

const statement = (sql: string): Statement => ({ name: sql.slice(0, 40), sql });
const ask = async (pool: Pool, sql: string, values: readonly unknown[] = []) =>
  (await pool.query(statement(sql), values))[0];
const PID = 'SELECT pg_backend_pid() AS pid';
const settingsOf = (pool: Pool, ...names: string[]) =>
  ask(pool, `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`);
const connectionsOf = (name: string) => log.sql('SELECT pid FROM pg_stat_activity WHERE application_name = $1', [name]);

describe('a connection', () => {
  test('runs as morningai_app, with time-outs that rise from the lock to the client, on indexes only', async () => {
    const { lockMs, statementMs, queryMs, transactionMs } = POSTGRES_TIMEOUTS;
    expect([lockMs, statementMs, queryMs, transactionMs].toSorted((a, b) => a - b)).toEqual([
      lockMs,
      statementMs,
      queryMs,
      transactionMs,
    ]);
    const names = ['role', 'lock_timeout', 'statement_timeout', 'transaction_timeout', 'enable_seqscan', 'jit'];
    expect(await settingsOf(log.openPool(), ...names)).toEqual({
      role: 'morningai_app',
      lock_timeout: '2s',
      statement_timeout: '3s',
      transaction_timeout: '5s',
      enable_seqscan: 'off',
      jit: 'off',
    });
    expect(
      await settingsOf(log.openPool({ role: null, planner: 'free' }), 'role', 'enable_seqscan', 'lock_timeout'),
    ).toEqual({
      role: 'none',
      enable_seqscan: 'on',
      lock_timeout: '2s',
    });
  });

  test('keeps the options that its URL carries, beside its own', async () => {
    const url = new URL(log.url);
    url.searchParams.set('options', '-c work_mem=7MB -c lock_timeout=0');
    expect(await settingsOf(log.openPool({ url: url.href }), 'work_mem', 'lock_timeout', 'role')).toEqual({
      work_mem: '7MB',
      lock_timeout: '2s',
      role: 'morningai_app',
    });
  });

  test('gives positions as numbers', async () => {
    expect(await ask(log.pool, 'SELECT 9007199254740991::bigint AS n, NULL::bigint AS none')).toEqual({
      n: Number.MAX_SAFE_INTEGER,
      none: null,
    });
  });

  test('is not used again after a failure', async () => {
    const pool = log.openPool({ maxConnections: 1 });
    const before = await ask(pool, PID);
    await expect(ask(pool, 'SELECT 1 / 0')).rejects.toSatisfy((error) => sqlState(error) === '22012');
    expect(await ask(pool, PID)).not.toEqual(before);
  });
});

describe('a statement that takes too long', () => {
  test('is ended by Postgres before its client gives up', async () => {
    await expect(ask(log.openPool(), 'SELECT pg_sleep(60)')).rejects.toSatisfy(
      (error) => sqlState(error) === '57014' && classifyFailure(error) === 'unknown',
    );
  });

  test('costs its connection where Postgres does not answer, and the next one works', async () => {
    await using proxy = await openProxy({ target: log.url });
    const name = 'behind the hole';
    const pool = log.openPool({ url: proxy.through(log.url), name, maxConnections: 1 });
    const before = await ask(pool, PID);
    proxy.blackHole();
    const error: unknown = await ask(pool, PID).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: 'Query read timeout' });
    expect(classifyFailure(error)).toBe('unknown');
    proxy.pass();
    expect(await ask(pool, PID)).not.toEqual(before);
    // Its socket was destroyed, so Postgres has noticed as well.
    await expect.poll(() => connectionsOf(name), { timeout: 15_000 }).toHaveLength(1);
  });

  test('has the deadline of its session, where that has one of its own', async () => {
    const session = await log.openPool().session({ queryMs: 50 });
    await expect(session.query(statement('SELECT pg_sleep(60)'), [])).rejects.toThrow('Query read timeout');
    session.release();
  });

  test('does not let the next of its session go before it has ended', async () => {
    const session = await log.openPool().session();
    const answers = [1, 2, 3].map((n) => session.query<{ n: number }>(statement(`SELECT ${n} AS n`), []));
    expect((await Promise.all(answers)).flat()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    session.release();
  });
});

describe('closing a pool', () => {
  test('leaves no connection behind', async () => {
    const name = 'to be closed';
    const pool = openPool({ url: log.url, name });
    await Promise.all(Array.from({ length: 5 }, () => ask(pool, PID)));
    const session = await pool.session();
    session.release();
    await pool.close();
    await expect.poll(() => connectionsOf(name)).toEqual([]);
  });

  test('waits for the queries under way', async () => {
    const pool = openPool({ url: log.url, name: 'busy' });
    const running = ask(pool, 'SELECT pg_sleep(0.3)::text AS slept');
    await expect.poll(() => connectionsOf('busy')).toHaveLength(1);
    await pool.close();
    expect(await running).toEqual({ slept: '' });
    await expect(ask(pool, PID)).rejects.toThrow();
  });

  test('does not wait for a Postgres that is frozen', async () => {
    await using proxy = await openProxy({ target: log.url });
    const pool = openPool({ url: proxy.through(log.url), name: 'frozen' });
    await ask(pool, PID);
    proxy.blackHole();
    await pool.close();
  });
});

test('a broken idle connection is told once, and is replaced', async () => {
  const told: string[] = [];
  const pool = openPool({ url: log.url, name: 'idle', maxConnections: 1 }, (error) => told.push(error.message));
  const before = await ask(pool, PID);
  await log.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle'`);
  await expect.poll(() => told).toEqual([expect.stringContaining('terminating connection')]);
  expect(await ask(pool, PID)).not.toEqual(before);
  await pool.close();
});
