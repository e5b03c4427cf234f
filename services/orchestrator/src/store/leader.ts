/** The leader's lease, on Postgres' clock. */
import type { Pool, Statement } from '@morningai/log/pool';

const HOLD: Statement = {
  name: 'hold_leadership',
  sql: `INSERT INTO leader AS l (term, holder, until)
        VALUES ($3::bigint + 1, $1, clock_timestamp() + $2 * interval '1 millisecond')
        ON CONFLICT (singleton) DO UPDATE SET
          term = CASE WHEN l.holder = excluded.holder AND l.term > $3 THEN l.term ELSE greatest(l.term, $3) + 1 END,
          holder = excluded.holder,
          until = excluded.until
        WHERE l.holder = excluded.holder OR l.until <= clock_timestamp()
        RETURNING l.term`,
};

/**
 * Takes or renews the lease.
 * @param above the term must be above this one
 * @returns the term; null: somebody else leads
 */
export async function holdLeadership(
  pool: Pool,
  lease: { readonly holder: string; readonly leaseMs: number; readonly above: number },
): Promise<number | null> {
  const rows = await pool.query<{ term: number }>(HOLD, [lease.holder, lease.leaseMs, lease.above]);
  return rows[0]?.term ?? null;
}

const RESIGN: Statement = {
  name: 'resign_leadership',
  sql: 'UPDATE leader SET until = clock_timestamp() WHERE holder = $1',
};

/** The next one need not wait for the lease to run out. */
export async function resignLeadership(pool: Pool, holder: string): Promise<void> {
  await pool.query(RESIGN, [holder]);
}
