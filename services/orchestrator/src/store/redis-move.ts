/** Which Redis has the tickets, since the queue was first moved: the one row that every orchestrator follows (ADR 14). */
import type { Pool, Statement } from '@morningai/log/pool';
import type { RedisMove } from '../domain/redis-in-use.ts';

const COLUMNS = `move, place, sealed_url AS "sealedUrl", fingerprint, moved_at AS "movedAt"`;

const READ: Statement = { name: 'read_redis_move', sql: `SELECT ${COLUMNS} FROM redis_move` };

/** Null: the queue was never moved. */
export async function readRedisMove(pool: Pool): Promise<RedisMove | null> {
  const rows = await pool.query<RedisMove>(READ, []);
  return rows[0] ?? null;
}

const HOLD: Statement = {
  name: 'hold_redis_move',
  sql: `INSERT INTO redis_move AS m (move, mover, mover_until)
        VALUES (0, $1, clock_timestamp() + $2 * interval '1 millisecond')
        ON CONFLICT (singleton) DO UPDATE SET mover = excluded.mover, mover_until = excluded.mover_until
        WHERE m.mover IS NULL OR m.mover_until <= clock_timestamp()
        RETURNING m.move`,
};

/** Takes the right to move the queue, if nobody has it. @returns false: another one has it */
export async function holdMove(pool: Pool, mover: string, leaseMs: number): Promise<boolean> {
  return (await pool.query(HOLD, [mover, leaseMs])).length > 0;
}

const RENEW: Statement = {
  name: 'renew_redis_move',
  sql: `UPDATE redis_move SET mover_until = clock_timestamp() + $2 * interval '1 millisecond'
        WHERE mover = $1 AND mover_until > clock_timestamp()
        RETURNING move`,
};

/** Keeps the right. @returns false: it was lost, and stays so: another one may have moved the queue since */
export async function renewMove(pool: Pool, mover: string, leaseMs: number): Promise<boolean> {
  return (await pool.query(RENEW, [mover, leaseMs])).length > 0;
}

const RECORD: Statement = {
  name: 'record_redis_move',
  sql: `UPDATE redis_move SET move = move + 1, place = $2, sealed_url = $3, fingerprint = $4, moved_at = clock_timestamp()
        WHERE mover = $1 AND mover_until > clock_timestamp()
        RETURNING ${COLUMNS}`,
};

/** From here on this is the Redis. @returns null: the right to move the queue was lost */
export async function recordMove(
  pool: Pool,
  mover: string,
  target: { readonly place: string; readonly sealedUrl: string; readonly fingerprint: string },
): Promise<RedisMove | null> {
  const rows = await pool.query<RedisMove>(RECORD, [mover, target.place, target.sealedUrl, target.fingerprint]);
  return rows[0] ?? null;
}

const RELEASE: Statement = {
  name: 'release_redis_move',
  sql: 'UPDATE redis_move SET mover = NULL WHERE mover = $1',
};

export async function releaseMove(pool: Pool, mover: string): Promise<void> {
  await pool.query(RELEASE, [mover]);
}

const SETTLE: Statement = {
  name: 'settle_redis_move',
  sql: `UPDATE redis_move m SET move = m.move + 1, place = NULL, sealed_url = NULL, fingerprint = NULL
        WHERE m.move = $1 AND m.place IS NOT NULL AND (m.mover IS NULL OR m.mover_until <= clock_timestamp())
          AND EXISTS (SELECT FROM orchestrators)
          AND NOT EXISTS (SELECT FROM orchestrators o WHERE o.redis_configured <> m.fingerprint)
        RETURNING m.move`,
};

/**
 * What REDIS_URL says holds again, if every orchestrator that may still come back has the very URL there that was moved to.
 * @returns false: not yet, or not any more
 */
export async function settleMove(pool: Pool, move: number): Promise<boolean> {
  return (await pool.query(SETTLE, [move])).length > 0;
}

const FOLLOWED: Statement = {
  name: 'redis_move_followed',
  sql: `SELECT count(*)::int AS living, count(*) FILTER (WHERE redis_move >= $1)::int AS followed FROM orchestrators
        WHERE seen_at > clock_timestamp() - $2 * interval '1 millisecond'`,
};

/** How many orchestrators were heard of in the last `withinMs`, and how many of them follow this change. */
export async function countFollowed(
  pool: Pool,
  move: number,
  withinMs: number,
): Promise<{ readonly living: number; readonly followed: number }> {
  const rows = await pool.query<{ living: number; followed: number }>(FOLLOWED, [move, withinMs]);
  return rows[0] ?? { living: 0, followed: 0 };
}
