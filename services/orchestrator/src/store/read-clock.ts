import type { Pool, Statement } from '@morningai/log/pool';

const NOW: Statement = { name: 'read_clock', sql: 'SELECT clock_timestamp() AS now' };

/** What Postgres' clock says. */
export async function readClock(pool: Pool): Promise<Date> {
  const rows = await pool.query<{ now: Date }>(NOW, []);
  if (rows[0] === undefined) throw new Error('postgres has no clock');
  return rows[0].now;
}
