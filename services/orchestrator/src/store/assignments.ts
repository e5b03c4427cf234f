import { healMissing } from '@morningai/log/heal-missing';
import type { Pool, Statement } from '@morningai/log/pool';

/** What a worker needs beside its claim. */
export type Assignment = {
  readonly taskId: string;
  readonly tenant: string;
  readonly inputJson: string;
  readonly labels: Readonly<Record<string, string>>;
};

const READ: Statement = {
  name: 'read_assignments',
  sql: `SELECT t.id AS "taskId", t.tenant, (s.data -> 'input')::text AS "inputJson", coalesce(t.labels, '{}') AS labels
        FROM tasks t JOIN events s ON s.position = t.submitted_position WHERE t.id = ANY ($1::uuid[])`,
};

export async function readAssignments(pool: Pool, taskIds: readonly string[]): Promise<Assignment[]> {
  const assignments = await pool.query<Assignment>(READ, [taskIds]);
  if (assignments.length === taskIds.length) return assignments;
  await healMissing(pool, taskIds);
  return pool.query<Assignment>(READ, [taskIds]);
}
