import type { Pool, Statement } from '@morningai/log/pool';

const OLDEST: Statement = {
  name: 'oldest_due',
  sql: `SELECT min(due.wake_at) AS "oldestDueAt" FROM queued_lines l
        CROSS JOIN generate_series(0, 3) AS p(priority)
        CROSS JOIN LATERAL (
          SELECT t.wake_at FROM tasks t
          WHERE t.status = 'queued' AND t.agent = l.agent AND t.tenant = l.tenant AND t.priority = p.priority
            AND t.wake_at <= clock_timestamp()
          ORDER BY t.wake_at LIMIT 1
        ) due`,
};

/** Since when the longest-waiting due task has been due; null: nothing is due. */
export async function oldestDueAt(pool: Pool): Promise<Date | null> {
  const rows = await pool.query<{ oldestDueAt: Date | null }>(OLDEST, []);
  return rows[0]?.oldestDueAt ?? null;
}
