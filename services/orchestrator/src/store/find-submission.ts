import { AppError } from '@morningai/core/errors';
import type { Pool, Statement } from '@morningai/log/pool';
import { storeUnavailable } from '@morningai/log/postgres-failure';

const FIND: Statement = {
  name: 'find_submission',
  sql: `SELECT task_id AS "taskId", request_digest AS digest FROM submissions
        WHERE tenant = $1 AND idempotency_key = $2`,
};

/**
 * The task that this very request, under its idempotency key, was accepted as; null: none.
 * @throws AppError IDEMPOTENCY_MISMATCH: the key was used with another request; STORE_UNAVAILABLE
 */
export async function findSubmission(
  pool: Pool,
  tenant: string,
  requested: { readonly idempotencyKey: string | null },
  requestDigest: string,
): Promise<{ readonly taskId: string } | null> {
  if (requested.idempotencyKey === null) return null;
  const [found] = await pool
    .query<{ taskId: string; digest: string }>(FIND, [tenant, requested.idempotencyKey])
    .catch(storeUnavailable);
  if (found === undefined) return null;
  if (found.digest !== requestDigest)
    throw new AppError('IDEMPOTENCY_MISMATCH', 'this idempotency key was used before with another request');
  return { taskId: found.taskId };
}
