import pg from 'pg';

/** How long Postgres may take before it counts as away. */
export const STORE_TIMEOUTS = { connectMs: 1_000, queryMs: 1_000 } as const;

/** Health asks with one connection; memory's own queries are still to come. */
const CONNECTIONS = 2;

/** A pool whose every query has a deadline; a query that failed costs its connection. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'morningai-memory',
    max: CONNECTIONS,
    connectionTimeoutMillis: STORE_TIMEOUTS.connectMs,
    query_timeout: STORE_TIMEOUTS.queryMs,
    // A frozen Postgres never closes its side; the process ends all the same.
    allowExitOnIdle: true,
  });
  // An idle connection that breaks: the pool drops it, and the next query opens another.
  pool.on('error', () => undefined);
  return pool;
}
