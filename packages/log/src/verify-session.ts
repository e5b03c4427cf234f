/** Reads a whole log page by page on one snapshot. Memory is bounded by bytes, whatever the events weigh. */
import type { Pool, Session, Statement } from './pool.ts';

const TASK = 'task/';
const UUID_LENGTH = 36;

/** Undefined: the stream of something else. */
export function taskIdOf(stream: string): string | undefined {
  return stream.length === TASK.length + UUID_LENGTH && stream.startsWith(TASK) ? stream.slice(TASK.length) : undefined;
}

/** One long read: it holds no lock that an append wants, only old row versions. */
const PATIENCE_MS = 30 * 60_000;
const PAGE_ROWS = 2_000;
const PAGE_BYTES = 8 * 1024 * 1024;

/** Two sessions that see the same moment, so that rows are looked up while events are read. */
export type Snapshot = {
  readonly events: Session;
  readonly rows: Session;
  release(): void;
};

export async function openSnapshot(pool: Pool): Promise<Snapshot> {
  const events = await openReading(pool, 'REPEATABLE READ');
  try {
    const [exported] = await events.query<{ snapshot: string }>(EXPORT, []);
    const rows = await openReading(pool, 'REPEATABLE READ', exported?.snapshot);
    return { events, rows, release: () => [events, rows].forEach((session) => session.release()) };
  } catch (error) {
    events.release();
    throw error;
  }
}

/** A transaction that may take as long as it needs. It sees one moment from its first query on, or at READ COMMITTED each moment. */
export async function openReading(
  pool: Pool,
  isolation: 'READ COMMITTED' | 'REPEATABLE READ',
  snapshot?: string,
): Promise<Session> {
  const session = await pool.session({ queryMs: PATIENCE_MS });
  try {
    await session.query(statement('', `BEGIN ISOLATION LEVEL ${isolation} READ ONLY`), []);
    if (snapshot !== undefined) await session.query(statement('', `SET TRANSACTION SNAPSHOT '${snapshot}'`), []);
    await session.query(PATIENCE, []);
    return session;
  } catch (error) {
    session.release();
    throw error;
  }
}

const EXPORT = statement('verify_export', 'SELECT pg_export_snapshot() AS snapshot');

const PATIENCE = statement(
  'verify_patience',
  `SELECT set_config('transaction_timeout', '0', true), set_config('statement_timeout', '${PATIENCE_MS}', true)`,
);

export type EventRow = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly life: number;
  readonly tenant: string;
  readonly type: string;
  readonly data: string;
  /** Hex. */
  readonly digest: string;
  /** As text, with microseconds. */
  readonly recordedAt: string;
};

const EVENTS = statement(
  'verify_events',
  `SELECT position, stream, version, life, tenant, type, data, encode(digest, 'hex') AS digest, recorded_at::text AS "recordedAt"
   FROM (
     SELECT *, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS bytes_before
     FROM (
       SELECT position, stream, version, life, tenant, type, data::text AS data, digest, recorded_at
       FROM events WHERE position > $1 ORDER BY position LIMIT ${PAGE_ROWS}
     ) page
   ) page
   WHERE bytes_before < ${PAGE_BYTES}
   ORDER BY position`,
);

/** What a fold needs of an event. */
export type FoldRow = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly tenant: string;
  readonly type: string;
  readonly data: unknown;
  /** Microseconds since 1970. */
  readonly recordedAt: number;
};

const FOLD = statement(
  'replay_events',
  `SELECT position, stream, version, tenant, type, data::json AS data, "recordedAt"
   FROM (
     SELECT *, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS bytes_before
     FROM (
       SELECT position, stream, version, tenant, type, data::text AS data,
              (extract(epoch FROM recorded_at) * 1000000)::bigint AS "recordedAt"
       FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT ${PAGE_ROWS}
     ) page
   ) page
   WHERE bytes_before < ${PAGE_BYTES}
   ORDER BY position`,
);

export type CommitRow = {
  readonly first: number;
  readonly last: number;
  readonly micros: number;
  readonly recordedAt: string;
  /** Hex. */
  readonly chain: string;
};

const COMMITS = statement(
  'verify_commits',
  `SELECT first_position AS first, last_position AS last, (extract(epoch FROM recorded_at) * 1000000)::bigint AS micros,
          recorded_at::text AS "recordedAt", encode(chain, 'hex') AS chain
   FROM commits WHERE last_position > $1 ORDER BY last_position LIMIT ${PAGE_ROWS}`,
);

export function eventPages(session: Session): AsyncGenerator<EventRow[], void> {
  return pagesOf<EventRow>(session, EVENTS, (row) => row.position);
}

export function foldPages(session: Session, head: number): AsyncGenerator<FoldRow[], void> {
  return pagesOf<FoldRow>(session, FOLD, (row) => row.position, [head]);
}

export function commitPages(session: Session): AsyncGenerator<CommitRow[], void> {
  return pagesOf<CommitRow>(session, COMMITS, (row) => row.last);
}

/** The next page is on its way while this one is looked at. */
async function* pagesOf<Row extends object>(
  session: Session,
  page: Statement,
  keyOf: (row: Row) => number,
  more: readonly unknown[] = [],
) {
  const read = (after: number) => {
    const rows = session.query<Row>(page, [after, ...more]);
    // Whoever stops early does not wait for it.
    rows.catch(() => undefined);
    return rows;
  };
  for (let coming = read(0); ;) {
    const rows = await coming;
    const last = rows.at(-1);
    if (last === undefined) return;
    coming = read(keyOf(last));
    yield rows;
  }
}

export function statement(name: string, sql: string): Statement {
  return { name, sql };
}
