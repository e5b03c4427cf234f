import { eventually } from '@morningai/testbed/eventually';
import { expect, test } from 'vitest';
import { append } from '../src/append.ts';
import { sqlState } from '../src/postgres-failure.ts';
import { verifyLog } from '../src/verify.ts';
import { submitted } from './appends.ts';
import { openLog } from './open-log.ts';
import { submit } from './requests.ts';

/** Takes the append lock in a transaction of its own, and then nothing more comes. */
test.each([
  ['with the rights of a service', 'SET ROLE morningai_app'],
  ['as the owner, with no time-out of its own', 'SET transaction_timeout = 0'],
])('a client that stalls in mid-append %s blocks others no longer than the time-out', async (_, before) => {
  await using log = await openLog();
  const staller = await log.connect();
  await staller.query(before);
  await staller.query('BEGIN');
  // The append itself as the pool sends it, but in a transaction that stays open.
  const stalled = submitted();
  const inTransaction = {
    ...log.pool,
    query: async (statement: { sql: string }, values: readonly unknown[]) =>
      (await staller.query(statement.sql, [...values])).rows,
  };
  const [result] = await append(inTransaction as typeof log.pool, [stalled]);
  expect(result).toMatchObject({ ok: true });

  const others = await Promise.all(Array.from({ length: 20 }, () => log.writer.write(submit())));
  expect(others.every((written) => written.events.length === 1)).toBe(true);

  // The staller was cut off, and what it had appended is not there.
  const state = await staller.query('SELECT 1').then(
    () => 'alive',
    (error: unknown) => sqlState(error) ?? 'connection gone',
  );
  expect(['25P04', '57P01', 'connection gone']).toContain(state);
  await eventually(
    async () => {
      const report = await verifyLog(log.pool);
      expect(report).toMatchObject({ problems: [], head: 20, ledger: { accepted: 20 } });
    },
    { deadlineMs: 5_000 },
  );
});
