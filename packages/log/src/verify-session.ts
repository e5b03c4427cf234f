/** Reads a whole log page by page on one snapshot. Memory is bounded by bytes, whatever the events weigh. */
import { clockMicros } from './micros.ts';
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

/** Postgres writes what every event has as one text, for that is cheap to send and to read. Parsed when it is looked at. */
export type EventText = {
  /** Position, version, life, microseconds since 1970, and the digest if it is wanted. */
  readonly head: string;
  readonly stream: string;
  readonly tenant: string;
  readonly type: string;
  readonly data: string;
};

export type EventRow = {
  readonly position: number;
  readonly version: number;
  readonly life: number;
  /** Microseconds since 1970. */
  readonly recordedAt: number;
  /** Hex; empty in a fold page. */
  readonly digest: string;
  readonly stream: string;
  readonly tenant: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
};

const headOf = (digest: string) =>
  `concat(position, ' ', version, ' ', life, ' ', ${clockMicros('recorded_at')}, ' ', ${digest}) AS head`;

/** Up to PAGE_ROWS events if all of them together are small enough; else none. */
function smallPage(name: string, digest: string): Statement {
  return statement(
    name,
    `SELECT ${headOf(digest)}, stream, tenant, type, data::text AS data
     FROM events WHERE position > $1 AND position <= $2
     ORDER BY position
     LIMIT (SELECT CASE WHEN sum(octet_length(data::text)) <= ${PAGE_BYTES} THEN ${PAGE_ROWS} ELSE 0 END
            FROM (SELECT data FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT ${PAGE_ROWS}) page)`,
  );
}

/** As many events as are small enough together, and at least one. */
function largePage(name: string, digest: string): Statement {
  return statement(
    name,
    `SELECT ${headOf(digest)}, stream, tenant, type, data
     FROM (
       SELECT *, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS bytes_before
       FROM (
         SELECT position, stream, version, life, tenant, type, data::text AS data, digest, recorded_at
         FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT ${PAGE_ROWS}
       ) page
     ) page
     WHERE bytes_before < ${PAGE_BYTES}
     ORDER BY position`,
  );
}

const DIGEST = `encode(digest, 'hex')`;
const VERIFIED = [smallPage('verify_events', DIGEST), largePage('verify_large_events', DIGEST)] as const;
const FOLDED = [smallPage('replay_events', `''`), largePage('replay_large_events', `''`)] as const;

export type CommitRow = {
  readonly first: number;
  readonly last: number;
  /** Microseconds since 1970. */
  readonly micros: number;
  /** Hex. */
  readonly chain: string;
};

const COMMITS = statement(
  'verify_commits',
  `SELECT first_position AS first, last_position AS last, ${clockMicros('recorded_at')} AS micros, encode(chain, 'hex') AS chain
   FROM commits WHERE last_position > $1 ORDER BY last_position LIMIT ${PAGE_ROWS}`,
);

/** Every event there is, also behind the last commit. */
export function eventPages(session: Session): AsyncGenerator<EventText[], void> {
  return pagesOf((after) => readEvents(session, VERIFIED, after, Number.MAX_SAFE_INTEGER), positionOf);
}

/** Up to the head, without digests. */
export function foldPages(session: Session, head: number): AsyncGenerator<EventText[], void> {
  return pagesOf((after) => readEvents(session, FOLDED, after, head), positionOf);
}

export function commitPages(session: Session): AsyncGenerator<CommitRow[], void> {
  return pagesOf(
    (after) => session.query<CommitRow>(COMMITS, [after]),
    ({ last }) => last,
  );
}

async function readEvents(
  session: Session,
  [small, large]: readonly [Statement, Statement],
  after: number,
  head: number,
): Promise<EventText[]> {
  if (after >= head) return [];
  const rows = await session.query<EventText>(small, [after, head]);
  return rows.length > 0 ? rows : session.query<EventText>(large, [after, head]);
}

/** Of a page that has events. */
export function lastPosition(page: readonly EventText[]): number {
  const last = page.at(-1);
  return last === undefined ? 0 : positionOf(last);
}

function positionOf({ head }: EventText): number {
  return Number.parseInt(head, 10);
}

export function parseEvent({ head, stream, tenant, type, data }: EventText): EventRow {
  const [position, version, life, micros, digest = ''] = head.split(' ');
  return {
    position: Number(position),
    version: Number(version),
    life: Number(life),
    recordedAt: Number(micros),
    digest,
    stream,
    tenant,
    type,
    data,
  };
}

/** The next page is on its way while this one is looked at. */
async function* pagesOf<Row>(page: (after: number) => Promise<Row[]>, keyOf: (row: Row) => number) {
  const read = (after: number) => {
    const rows = page(after);
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
