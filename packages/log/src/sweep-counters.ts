import type { Pool, Statement } from './pool.ts';

const PAGE: Statement = {
  name: 'counters_page',
  sql: `SELECT key, value FROM counters WHERE key > $1 ORDER BY key LIMIT $2`,
};
const DROP: Statement = { name: 'drop_empty_counters', sql: 'SELECT drop_empty_counters($1::text[])' };

/**
 * Forgets counters that are 0, page by page: what was counted under a concurrency key is mostly over soon. Whether one still is 0 is decided
 * under the append lock. To be called now and then.
 */
export async function sweepCounters(pool: Pool, pageSize: number): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined;) {
    const rows: { key: string; value: number }[] = await pool.query(PAGE, [after, pageSize]);
    const empty = rows.filter(({ value }) => value === 0).map(({ key }) => key);
    if (empty.length > 0) await pool.query(DROP, [empty]);
    after = rows.at(-1)?.key;
  }
}
