import pg from 'pg';

/**
 * How long the pieces of one statement may take. Each is below the next, so that Postgres gives up before its client does and
 * a time-out is a known outcome where it can be one.
 */
export const POSTGRES_TIMEOUTS = {
  lockMs: 2_000,
  statementMs: 3_000,
  /** The client's own: it then destroys the connection, and the outcome is unknown. */
  queryMs: 4_000,
  transactionMs: 5_000,
  connectMs: 2_000,
} as const;

const GOODBYE_MS = 1_000;

export type PoolOptions = {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly maxConnections?: number;
  /** Behind a transaction pooler: no named statements, no session state; the role and time-outs are then the login's own. */
  readonly pooled?: boolean;
  /** The role to run as; null: the login itself has the rights of morningai_app. */
  readonly role?: string | null;
  /**
   * `probes` (default): indexes only. A named statement keeps the plan made when its table was small, and that must not become a
   * scan of millions of rows. `free`: as Postgres thinks best, for queries that want scans or bitmaps (full text).
   */
  readonly planner?: 'probes' | 'free';
};

/** A pool whose every query has a deadline. A query that failed or timed out costs its connection. */
export type Pool = {
  query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /**
   * A client of its own, for what needs a session; `release` destroys it.
   * @param options.queryMs the deadline of each query, in place of the pool's own
   */
  session(options?: { readonly queryMs?: number }): Promise<Session>;
  /** Waits for the queries under way. */
  close(): Promise<void>;
};

/** Its queries go one after the other. */
export type Session = {
  query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  release(): void;
};

/** SQL with the name under which Postgres keeps its plan. */
export type Statement = { readonly name: string; readonly sql: string };

// bigint: every one of ours (positions, counters) stays far below 2^53.
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === 20) return Number;
    return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
  },
};

/** @param onError told of a broken idle connection: the pool replaces it */
export function openPool(options: PoolOptions, onError: (error: Error) => void = () => undefined): Pool {
  const pooled = options.pooled ?? false;
  const pool = new pg.Pool({
    // A pooler refuses start-up options; there the login's own role settings hold (migration 0001).
    ...(pooled ? { connectionString: options.url } : withStartupOptions(options)),
    application_name: options.name,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: POSTGRES_TIMEOUTS.connectMs,
    query_timeout: POSTGRES_TIMEOUTS.queryMs,
    keepAlive: true,
    types,
  });
  const clients = new Set<pg.PoolClient>();
  pool.on('error', onError);
  pool.on('connect', (client) => {
    clients.add(client);
    // A destroyed client may still emit; the pool has already dropped it.
    client.on('error', () => undefined);
  });
  pool.on('remove', (client) => clients.delete(client));

  const run = async <Row extends object>(
    on: { query: pg.Pool['query'] },
    { name, sql }: Statement,
    values: readonly unknown[],
    queryMs: number = POSTGRES_TIMEOUTS.queryMs,
  ): Promise<Row[]> => {
    const query = { text: sql, values: values as unknown[], query_timeout: queryMs, ...(pooled ? {} : { name }) };
    const result = await on.query<Row>(query);
    return result.rows;
  };

  return {
    query: (statement, values) => run(pool, statement, values),
    async session({ queryMs } = {}) {
      const client = await pool.connect();
      let before: Promise<unknown> = Promise.resolve();
      return {
        query(statement, values) {
          const rows = before.then(() => run<never>(client, statement, values, queryMs));
          before = rows.catch(() => undefined);
          return rows;
        },
        release: () => client.release(true),
      };
    },
    async close() {
      await pool.end();
      // A frozen server does not hang up; nobody waits for it.
      const hangUp = () => clients.forEach((client) => client.connection.stream.destroy());
      setTimeout(hangUp, GOODBYE_MS).unref();
    },
  };
}

/** The URL may carry options of its own (Neon names its endpoint so); ours come after them and hold. */
function withStartupOptions(options: PoolOptions): { connectionString: string; options: string } {
  const url = URL.parse(options.url);
  const own = url?.searchParams.get('options') ?? null;
  if (url === null || own === null) return { connectionString: options.url, options: startupOptions(options) };
  url.searchParams.delete('options');
  return { connectionString: url.href, options: `${own} ${startupOptions(options)}` };
}

function startupOptions({ role = 'morningai_app', planner = 'probes' }: PoolOptions): string {
  const settings = {
    lock_timeout: POSTGRES_TIMEOUTS.lockMs,
    statement_timeout: POSTGRES_TIMEOUTS.statementMs,
    transaction_timeout: POSTGRES_TIMEOUTS.transactionMs,
    ...(planner === 'free' ? {} : { enable_seqscan: 'off', enable_bitmapscan: 'off', jit: 'off' }),
    ...(role === null ? {} : { role }),
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}
