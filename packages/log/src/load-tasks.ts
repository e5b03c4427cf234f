import type { Pool, Statement } from './pool.ts';
import { healTasks, type HealedTask } from './mend-tasks.ts';

export type LoadedTask = HealedTask;

const LOAD: Statement = {
  name: 'load_tasks',
  sql: `SELECT t.id, t.tenant, t.version, t.state
        FROM unnest($1::uuid[]) AS wanted(id)
        CROSS JOIN LATERAL (SELECT id, tenant, version, state FROM tasks WHERE id = wanted.id LIMIT 1) t`,
};

/**
 * The folded states of those of the tasks that exist. The log says whether one exists: where the row is gone, it is folded and put
 * back, so a `DELETE FROM tasks` loses nothing.
 * @param distrusted their rows were found to be older than the log: they are folded anew
 */
export async function loadTasks(
  pool: Pool,
  ids: readonly string[],
  distrusted: ReadonlySet<string> = new Set(),
): Promise<LoadedTask[]> {
  const trusted = ids.filter((id) => !distrusted.has(id));
  const rows = trusted.length === 0 ? [] : await pool.query<LoadedTask>(LOAD, [trusted]);
  if (rows.length === ids.length) return rows;
  const found = new Set(rows.map(({ id }) => id));
  return [
    ...rows,
    ...(await healTasks(
      pool,
      ids.filter((id) => !found.has(id)),
    )),
  ];
}
