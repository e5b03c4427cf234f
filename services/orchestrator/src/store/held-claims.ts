import { healMissing } from '@morningai/log/heal-missing';
import type { Pool, Statement } from '@morningai/log/pool';

export type HeldTask = {
  readonly taskId: string;
  readonly fence: number;
  readonly agent: string;
  readonly failures: number;
};

const READ: Statement = {
  name: 'read_held',
  sql: `SELECT id AS "taskId", fence, agent, (state ->> 'failures')::int AS failures FROM tasks
        WHERE id = ANY ($1::uuid[]) AND status = 'running' AND state ->> 'worker' = $2`,
};

/** Which of the tasks this worker has a claim on, and under which fence. */
export async function readHeld(pool: Pool, workerId: string, taskIds: readonly string[]): Promise<HeldTask[]> {
  const held = await pool.query<HeldTask>(READ, [taskIds, workerId]);
  if (held.length === taskIds.length) return held;
  await healMissing(pool, taskIds);
  return pool.query<HeldTask>(READ, [taskIds, workerId]);
}
