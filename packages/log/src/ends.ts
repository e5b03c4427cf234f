/**
 * Which tasks have come to an end that nobody reports: the grace of a cancellation is over, or `expiresAt` has come. Plain reads, and
 * hints only: the append decides again, under its lock.
 */
import type { Claim } from './leases.ts';
import type { Pool, Statement } from './pool.ts';

const CANCELLED: Statement = {
  name: 'cancelled_attempts',
  sql: `SELECT t.id AS "taskId", t.fence
        FROM unnest($1::text[]) AS wanted(agent)
        CROSS JOIN LATERAL (
          SELECT t.id, t.fence FROM tasks t
          WHERE t.status = 'running' AND t.agent = wanted.agent AND t.wake_at <= now()
            AND t.state ->> 'cancelReason' IS NOT NULL
          LIMIT $2
        ) t
        LIMIT $2`,
};

/** Running attempts of these agents that were asked to stop and whose grace is over, whatever their leases. */
export function cancelledAttempts(
  pool: Pool,
  wanted: { readonly agents: readonly string[]; readonly limit: number },
): Promise<Claim[]> {
  return pool.query<Claim>(CANCELLED, [wanted.agents, wanted.limit]);
}

const EXPIRED: Statement = {
  name: 'expired_tasks',
  sql: `SELECT t.id FROM tasks t
        WHERE t.expires_at IS NOT NULL AND t.expires_at <= now() AND t.status IN ('queued', 'waiting')
        ORDER BY t.expires_at LIMIT $1`,
};

/** Ids of tasks that wait for an attempt that must not start any more, the longest expired first. */
export async function expiredTasks(pool: Pool, limit: number): Promise<string[]> {
  const rows = await pool.query<{ id: string }>(EXPIRED, [limit]);
  return rows.map((row) => row.id);
}
