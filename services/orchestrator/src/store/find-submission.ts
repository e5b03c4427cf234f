import type { Pool, Statement } from '@morningai/log/pool';

const FIND: Statement = {
  name: 'find_submission',
  sql: `SELECT task_id AS "taskId" FROM submissions
        WHERE tenant = $1 AND idempotency_key = $2 AND request_digest = $3`,
};

/** The task that this very request, under its idempotency key, was accepted as; null: none. */
export async function findSubmission(
  pool: Pool,
  tenant: string,
  requested: { readonly idempotencyKey: string | null },
  requestDigest: string,
): Promise<{ readonly taskId: string } | null> {
  if (requested.idempotencyKey === null) return null;
  const rows = await pool.query<{ taskId: string }>(FIND, [tenant, requested.idempotencyKey, requestDigest]);
  return rows[0] ?? null;
}
