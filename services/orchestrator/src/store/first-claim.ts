/** Reads the log on from an epoch's event to the first claim by a ticket. */
import type { Pool, Statement } from '@morningai/log/pool';

const PAGE = 5_000;

const EPOCH: Statement = {
  name: 'epoch_position',
  sql: `SELECT position FROM events WHERE stream = 'dispatch' AND version = $1`,
};

/** Null: there is no such epoch. An epoch's number is its version in the stream. */
export async function epochPosition(pool: Pool, epoch: number): Promise<number | null> {
  const rows = await pool.query<{ position: number }>(EPOCH, [epoch]);
  return rows[0]?.position ?? null;
}

const LOOK: Statement = {
  name: 'first_ticket_claim',
  sql: `SELECT max(position) AS last,
               min(recorded_at) FILTER (WHERE type = 'AttemptStarted' AND data ->> 'lane' = 'queue') AS "claimedAt"
        FROM (SELECT position, recorded_at, type, data FROM events WHERE position > $1 ORDER BY position LIMIT $2) page`,
};

/** One page. `claimedAt` null: none was in it, and `last` is where to go on. */
export async function findTicketClaim(
  pool: Pool,
  after: number,
): Promise<{ readonly last: number; readonly claimedAt: Date | null }> {
  const rows = await pool.query<{ last: number | null; claimedAt: Date | null }>(LOOK, [after, PAGE]);
  return { last: rows[0]?.last ?? after, claimedAt: rows[0]?.claimedAt ?? null };
}
