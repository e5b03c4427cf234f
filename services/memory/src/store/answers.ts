import type pg from 'pg';

const SQL = 'SELECT 1';

/** Resolves if Postgres lets us in and answers a query; throws why it does not. */
export async function answers(pool: pg.Pool): Promise<void> {
  await pool.query(SQL);
}
