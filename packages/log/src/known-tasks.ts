import type { Pool, Statement } from './pool.ts';

export type KnownTasks = { readonly open: number; readonly finished: number; readonly unknown: readonly string[] };

// Of a row that is gone the log knows whether there is such a task; then it is taken to be open.
const KNOWN: Statement = {
  name: 'known_tasks',
  sql: `SELECT w.id, coalesce(
          (SELECT CASE WHEN t.finished_at IS NULL THEN 'open' ELSE 'finished' END FROM tasks t WHERE t.id = w.id),
          CASE WHEN EXISTS (SELECT FROM events e WHERE e.stream = 'task/' || w.id) THEN 'open' ELSE 'unknown' END) AS is
        FROM unnest($1::uuid[]) AS w(id)`,
};

/** Of these tasks: how many are open, how many are finished, and of which the log has never heard. */
export async function knownTasks(pool: Pool, taskIds: readonly string[]): Promise<KnownTasks> {
  const rows = await pool.query<{ id: string; is: 'open' | 'finished' | 'unknown' }>(KNOWN, [taskIds]);
  return {
    open: rows.filter((row) => row.is === 'open').length,
    finished: rows.filter((row) => row.is === 'finished').length,
    unknown: rows.flatMap((row) => (row.is === 'unknown' ? [row.id] : [])),
  };
}
