import { healTasks } from './mend-tasks.ts';
import type { Pool, Statement } from './pool.ts';

const MISSING: Statement = {
  name: 'missing_tasks',
  sql: `SELECT w.id FROM unnest($1::uuid[]) AS w(id) WHERE NOT EXISTS (SELECT FROM tasks t WHERE t.id = w.id)`,
};

/**
 * For readers of `tasks` that did not find what they know of: a row may have been deleted, a task cannot. Afterwards the rows of those of
 * the tasks that the log knows are there, put back here or by somebody else meanwhile: so whoever asked must read again.
 */
export async function healMissing(pool: Pool, taskIds: readonly string[]): Promise<void> {
  const rows = await pool.query<{ id: string }>(MISSING, [taskIds]);
  if (rows.length === 0) return;
  await healTasks(
    pool,
    rows.map(({ id }) => id),
  );
}
