import type { Pool, Statement } from './pool.ts';

/** One fact, as the log has it. */
export type LogEvent = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly life: number;
  readonly tenant: string;
  readonly type: string;
  /** RFC 8785 JSON text. */
  readonly dataText: string;
  readonly recordedAt: Date;
};

const EVENT_COLUMNS = `position, stream, version, life, tenant, type, data::text AS "dataText", recorded_at AS "recordedAt"`;

/** So many bytes of data at once, and at least one event. */
const READ_BYTES = 8 * 1024 * 1024;

const READ: Statement = {
  name: 'read_events',
  sql: `SELECT position, stream, version, life, tenant, type, "dataText", "recordedAt"
        FROM (
          SELECT *, sum(octet_length("dataText")) OVER (ORDER BY position) - octet_length("dataText") AS bytes_before
          FROM (SELECT ${EVENT_COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2) page
        ) page
        WHERE bytes_before < ${READ_BYTES}
        ORDER BY position`,
};

/**
 * The next events of the whole log. Positions are dense and what is visible is complete, so nothing can appear later behind a
 * reader's back. Fewer than `limit` may come where they are large: only an empty answer means the end.
 */
export function readEvents(pool: Pool, afterPosition: number, limit: number): Promise<LogEvent[]> {
  return pool.query<LogEvent>(READ, [afterPosition, limit]);
}

const READ_STREAM: Statement = {
  name: 'read_stream',
  sql: `SELECT ${EVENT_COLUMNS} FROM events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3`,
};

export function readStream(pool: Pool, stream: string, afterVersion: number, limit: number): Promise<LogEvent[]> {
  return pool.query<LogEvent>(READ_STREAM, [stream, afterVersion, limit]);
}

const HEAD: Statement = {
  name: 'head',
  sql: `SELECT i.incarnation,
               coalesce((SELECT last_position FROM commits ORDER BY last_position DESC LIMIT 1), 0) AS head
        FROM log_identity i`,
};

export type LogHead = { readonly incarnation: string; readonly head: number };

export async function readHead(pool: Pool): Promise<LogHead> {
  const rows = await pool.query<LogHead>(HEAD, []);
  if (rows[0] === undefined) throw new Error('log_identity is empty: the database was not migrated');
  return rows[0];
}
