/** Nobody sits on the append lock: a client that stops in the middle of an append loses it, whoever it is. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '@morningai/testbed/eventually';
import { noted } from '../test/appends.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import { runOne } from '../test/requests.ts';
import { append } from './append.ts';
import type { Pool, Statement } from './pool.ts';
import { readStream } from './read.ts';
import { verifyLog } from './verify.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

/** What the append would send, sent by a client of its own. */
async function captured(stream: string): Promise<{ sql: string; values: readonly unknown[] }> {
  const sent: { sql: string; values: readonly unknown[] }[] = [];
  const spy: Pool = {
    ...log.pool,
    query(statement: Statement, values: readonly unknown[]) {
      sent.push({ sql: statement.sql, values });
      return Promise.reject(new Error('only looked at'));
    },
  };
  await append(spy, [noted(stream, 0)]).catch(() => undefined);
  const [call] = sent;
  if (call === undefined) throw new Error('nothing was sent');
  return call;
}

const stallers: [string, readonly string[]][] = [
  ['the superuser without any settings', []],
  ['morningai_app as a pooler would connect it', ['SET ROLE morningai_app']],
  ['somebody with a time-out of an hour', ["SET transaction_timeout = '1h'"]],
  ['somebody who waits for locks for ever', ['SET lock_timeout = 0', 'SET statement_timeout = 0']],
];

describe.each(stallers)('%s, stalled between append and commit', (name, settings) => {
  test('is cut off; the others go on, and its events are not there', async () => {
    const stream = `check/${name}`;
    const staller = await log.connect();
    const pid = (await staller.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    for (const setting of settings) await staller.query(setting);
    await staller.query('BEGIN');
    const { sql, values } = await captured(stream);
    await staller.query(sql, [...values]);
    // From here on it holds the lock and says no more.
    const others = await Promise.all([log.writer, log.openWriter()].map((writer) => runOne(writer)));
    for (const { state } of others) expect(state.status).toBe('completed');
    await eventually(async () => {
      expect(await log.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).toEqual([]);
    });
    await expect(staller.query('COMMIT')).rejects.toThrow();
    expect(await readStream(log.pool, stream, 0, 10)).toEqual([]);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });
});

test('a client that keeps appending in one transaction is cut off as well', async () => {
  const greedy: pg.Client = await log.connect();
  await greedy.query('BEGIN');
  const more = async () => {
    for (let n = 0; ; n += 1) {
      const { sql, values } = await captured(`check/greedy ${n}`);
      await greedy.query(sql, [...values]);
    }
  };
  const ended = expect(more()).rejects.toThrow();
  expect((await runOne(log.writer)).state.status).toBe('completed');
  await ended;
});

test('an append that is alone in its statement is not hurried', async () => {
  const client = await log.connect();
  const { sql, values } = await captured('check/alone');
  await client.query(sql, [...values]);
  const { rows } = await client.query('SHOW transaction_timeout');
  expect(rows).toEqual([{ transaction_timeout: '0' }]);
  expect(await readStream(log.pool, 'check/alone', 0, 10)).toHaveLength(1);
});
