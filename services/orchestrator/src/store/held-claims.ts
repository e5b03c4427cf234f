import type { Pool, Statement } from '@morningai/log/pool';

export type HeldTask = { readonly taskId: string; readonly fence: number; readonly agent: string };

const READ: Statement = {
  name: 'read_held',
  sql: `SELECT id AS "taskId", fence, agent FROM tasks WHERE id = ANY ($1::uuid[]) AND status = 'running'`,
};

/** Which of the tasks are running, and under which fence. */
export function readHeld(pool: Pool, taskIds: readonly string[]): Promise<HeldTask[]> {
  return pool.query<HeldTask>(READ, [taskIds]);
}
