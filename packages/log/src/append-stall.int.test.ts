/** Nobody sits on the append lock: a client that stops in the middle of an append loses it, whoever it is. */
import { eventually } from '@morningai/testbed/eventually';
import { describe, expect, test } from 'vitest';
import { noted } from '../test/appends.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import { runOne } from '../test/requests.ts';
import { append } from './append.ts';
import type { Pool, Statement } from './pool.ts';
import { readStream } from './read.ts';
import { verifyLog } from './verify.ts';

/** What an append would send, to be sent by a client of one's own. */
async function captured(log: TestLog, stream: string): Promise<{ text: string; values: unknown[] }> {
  const sent: { text: string; values: unknown[] }[] = [];
  const spy: Pool = {
    ...log.pool,
    query(statement: Statement, values: readonly unknown[]) {
      sent.push({ text: statement.sql, values: [...values] });
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

describe.concurrent('a client that stalls between append and commit', () => {
  test.each(stallers)('is cut off, and the others go on: %s', async (_, settings) => {
    await using log = await openLog();
    const staller = await log.connect();
    const pid = (await staller.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    for (const setting of settings) await staller.query(setting);
    await staller.query('BEGIN');
    await staller.query(await captured(log, 'check/stalled'));
    // From here on it holds the lock and says no more.
    const others = await Promise.all([log.writer, log.openWriter()].map((writer) => runOne(writer)));
    for (const { state } of others) expect(state.status).toBe('completed');
    await eventually(async () => {
      expect(await log.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).toEqual([]);
    });
    await expect(staller.query('COMMIT')).rejects.toThrow();
    expect(await readStream(log.pool, 'check/stalled', 0, 10)).toEqual([]);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('is cut off, and the others go on: one that keeps appending and never commits', async () => {
    await using log = await openLog();
    const greedy = await log.connect();
    await greedy.query('BEGIN');
    const more = async () => {
      for (let n = 0; ; n += 1) await greedy.query(await captured(log, `check/greedy ${n}`));
    };
    const ended = more().catch((error: unknown) => error);
    expect((await runOne(log.writer)).state.status).toBe('completed');
    expect(await ended).toBeInstanceOf(Error);
  });
});

test('an append in a statement of its own leaves the session as it was', async () => {
  await using log = await openLog();
  const client = await log.connect();
  await client.query(await captured(log, 'check/alone'));
  const { rows } = await client.query('SHOW transaction_timeout');
  expect(rows).toEqual([{ transaction_timeout: '0' }]);
  expect(await readStream(log.pool, 'check/alone', 0, 10)).toHaveLength(1);
});
