import type { Pool, Statement } from '@morningai/log/pool';

export type TaskChange = { readonly position: number; readonly taskId: string | null; readonly type: string };

const FOLLOW: Statement = {
  name: 'follow_tasks',
  sql: `SELECT position, CASE WHEN stream LIKE 'task/%' THEN substr(stream, 6) END AS "taskId", type
        FROM events WHERE position > $1 ORDER BY position LIMIT $2`,
};

/** What happened behind this position, in order; without its data. `taskId` null: it was no task's. */
export function followTasks(pool: Pool, afterPosition: number, limit: number): Promise<TaskChange[]> {
  return pool.query<TaskChange>(FOLLOW, [afterPosition, limit]);
}
