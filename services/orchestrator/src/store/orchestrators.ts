/** Which orchestrators live, and what their workers can take. */
import type { Pool, Statement } from '@morningai/log/pool';

export type OrchestratorReport = { readonly id: string; readonly slots: Readonly<Record<string, number>> };

/** Which change of `redis_move` it follows, and the fingerprint of its REDIS_URL. */
type OwnRedis = { readonly redisMove: number; readonly redisConfigured: string };

const REPORT: Statement = {
  name: 'report_orchestrator',
  sql: `WITH gone AS (
          DELETE FROM orchestrators o WHERE o.seen_at < clock_timestamp() - interval '1 day' AND o.id <> $1
        ), own AS (
          INSERT INTO orchestrators AS o (id, slots, seen_at, redis_move, redis_configured)
          VALUES ($1, $2, clock_timestamp(), $4, $5)
          ON CONFLICT (id) DO UPDATE SET
            slots = excluded.slots, seen_at = excluded.seen_at, redis_move = excluded.redis_move
        )
        SELECT o.id, o.slots FROM orchestrators o
        WHERE o.id <> $1 AND o.seen_at > clock_timestamp() - $3 * interval '1 millisecond'
        ORDER BY o.id`,
};

/** Says that this one lives. @returns the others that were heard of in the last `withinMs` */
export function reportOrchestrator(
  pool: Pool,
  own: OrchestratorReport & OwnRedis,
  withinMs: number,
): Promise<OrchestratorReport[]> {
  const { id, slots, redisMove, redisConfigured } = own;
  return pool.query<OrchestratorReport>(REPORT, [id, JSON.stringify(slots), withinMs, redisMove, redisConfigured]);
}

const ELSEWHERE: Statement = {
  name: 'slots_elsewhere',
  sql: `SELECT coalesce(sum((o.slots ->> $1)::int), 0)::int AS slots FROM orchestrators o
        WHERE o.id <> $2 AND o.seen_at > clock_timestamp() - $3 * interval '1 millisecond'`,
};

/** How many slots an agent has at the orchestrators, but for one, that were heard of in the last `withinMs`. */
export async function slotsElsewhere(pool: Pool, agent: string, ownId: string, withinMs: number): Promise<number> {
  const rows = await pool.query<{ slots: number }>(ELSEWHERE, [agent, ownId, withinMs]);
  return rows[0]?.slots ?? 0;
}

const LEAVE: Statement = { name: 'leave_orchestrators', sql: 'DELETE FROM orchestrators WHERE id = $1' };

export async function leaveOrchestrators(pool: Pool, id: string): Promise<void> {
  await pool.query(LEAVE, [id]);
}
