/** The parts of a replay that no task's fold shows: rows that no event stands behind, other streams, counters. */
import { AppError } from '@morningai/core/errors';
import type { Pool, Session } from './pool.ts';
import type { Findings } from './replay-findings.ts';
import { statement } from './verify-session.ts';
import type { TaskTotals } from './verify-tasks.ts';

const PAGE = 1_000;
const MENDED_AT_ONCE = 200;

type Counts = { tasks: number; outcomes: number; submissions: number };

const COUNTS = statement(
  'replay_counts',
  `SELECT (SELECT count(*) FROM tasks) AS tasks, (SELECT count(*) FROM outcomes) AS outcomes,
          (SELECT count(*) FROM submissions) AS submissions`,
);

async function countRows(session: Session): Promise<Counts> {
  const [counts] = await session.query<Counts>(COUNTS, []);
  if (counts === undefined) throw new Error('no counts');
  return counts;
}

// One probe of the log for each row: done only where the numbers say that there is something to find.
const UNKNOWN_TASKS = statement(
  'replay_unknown_tasks',
  `SELECT p.id, EXISTS (SELECT FROM events e WHERE e.stream = 'task/' || p.id) AS known
   FROM (SELECT id FROM tasks WHERE id > $1 ORDER BY id LIMIT ${PAGE}) p ORDER BY p.id`,
);
const UNKNOWN_OUTCOMES = statement(
  'replay_unknown_outcomes',
  `SELECT p.id, EXISTS (SELECT FROM events e WHERE e.stream = 'task/' || p.id) AS known
   FROM (SELECT DISTINCT task_id AS id FROM outcomes WHERE task_id > $1 ORDER BY task_id LIMIT ${PAGE}) p ORDER BY p.id`,
);
const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** @param drop null: it is only counted */
export async function mendOrphans(
  session: Session,
  totals: TaskTotals,
  found: Findings,
  drop: ((taskIds: readonly string[]) => Promise<void>) | null,
): Promise<void> {
  const has = await countRows(session);
  const { tasks, outcomes } = found.tables;
  const look = async (unknown: typeof UNKNOWN_TASKS, count: (rows: number) => void) => {
    for (let after: string | undefined = NIL_UUID; after !== undefined;) {
      const rows: { id: string; known: boolean }[] = await session.query(unknown, [after]);
      const orphans = rows.filter(({ known }) => !known).map(({ id }) => id);
      count(orphans.length);
      for (const id of orphans) found.example(`task ${id}: it has rows, the log does not know it`);
      if (orphans.length > 0) await drop?.(orphans);
      after = rows.at(-1)?.id;
    }
  };
  if (has.tasks !== totals.ledger.accepted - tasks.missing) await look(UNKNOWN_TASKS, (rows) => (tasks.extra += rows));
  if (has.outcomes !== totals.outcomes || outcomes.different > 0) {
    await look(UNKNOWN_OUTCOMES, (rows) => (outcomes.extra += rows));
  }
}

const UNKNOWN_KEYS = statement(
  'replay_unknown_keys',
  `SELECT p.tenant, p.idempotency_key AS key, EXISTS (
     SELECT FROM events e WHERE e.stream = 'task/' || p.task_id AND e.version = 1 AND e.tenant = p.tenant
       AND e.data ->> 'idempotencyKey' = p.idempotency_key) AS known
   FROM (
     SELECT * FROM submissions WHERE (tenant, idempotency_key) > ($1, $2) ORDER BY tenant, idempotency_key LIMIT ${PAGE}
   ) p
   ORDER BY p.tenant, p.idempotency_key`,
);
const DROP_KEYS = statement('drop_submissions', 'SELECT drop_submissions($1::text[], $2::text[])');

/** @param pool null: it is only counted */
export async function mendSubmissions(
  session: Session,
  pool: Pool | null,
  totals: TaskTotals,
  found: Findings,
): Promise<void> {
  const { submissions } = found.tables;
  const has = await countRows(session);
  if (has.submissions === totals.keyed && submissions.different === 0) return;
  for (let after: { tenant: string; key: string } | undefined = { tenant: '', key: '' }; after !== undefined;) {
    const rows: { tenant: string; key: string; known: boolean }[] = await session.query(UNKNOWN_KEYS, [
      after.tenant,
      after.key,
    ]);
    const orphans = rows.filter(({ known }) => !known);
    submissions.extra += orphans.length;
    for (const { tenant, key } of orphans) found.example(`key ${key} of ${tenant}: no submission in the log used it`);
    if (pool !== null && orphans.length > 0) {
      await pool.query(DROP_KEYS, [orphans.map(({ tenant }) => tenant), orphans.map(({ key }) => key)]);
    }
    after = rows.at(-1);
  }
}

// From name to name by probes: what is between 'task/' and 'task0' are the tasks' streams, and is jumped over.
const LOGGED_STREAMS = statement(
  'replay_logged_streams',
  `WITH RECURSIVE names AS (
     SELECT $1::text COLLATE "C" AS stream
     UNION ALL
     SELECT coalesce(
       (SELECT e.stream FROM events e WHERE e.stream > n.stream AND e.stream < 'task/' ORDER BY e.stream LIMIT 1),
       (SELECT e.stream FROM events e WHERE e.stream > greatest(n.stream, 'task0') ORDER BY e.stream LIMIT 1))
     FROM names n WHERE n.stream IS NOT NULL
   )
   SELECT n.stream, (SELECT e.version FROM events e WHERE e.stream = n.stream ORDER BY e.version DESC LIMIT 1) AS logged,
          (SELECT s.version FROM streams s WHERE s.stream = n.stream) AS stored
   FROM (SELECT stream FROM names WHERE stream <> $1 LIMIT ${MENDED_AT_ONCE}) n`,
);
const STORED_STREAMS = statement(
  'replay_stored_streams',
  `SELECT p.stream, p.version AS stored,
          (SELECT e.version FROM events e WHERE e.stream = p.stream ORDER BY e.version DESC LIMIT 1) AS logged
   FROM (SELECT * FROM streams WHERE stream > $1 ORDER BY stream LIMIT ${MENDED_AT_ONCE}) p ORDER BY p.stream`,
);
const MEND_STREAMS = statement('mend_streams', 'SELECT mend_streams($1::text[])');

/** The streams that are no tasks. @param pool null: it is only counted */
export async function mendStreams(session: Session, pool: Pool | null, found: Findings): Promise<void> {
  const { streams } = found.tables;
  type Row = { stream: string; logged: number | null; stored: number | null };
  const look = async (page: typeof LOGGED_STREAMS, count: (row: Row) => boolean) => {
    for (let after: string | undefined = ''; after !== undefined;) {
      const rows: Row[] = await session.query(page, [after]);
      const wrong = rows.filter(count).map(({ stream }) => stream);
      if (pool !== null && wrong.length > 0) await pool.query(MEND_STREAMS, [wrong]);
      after = rows.at(-1)?.stream;
    }
  };
  await look(LOGGED_STREAMS, ({ stream, logged, stored }) => {
    if (stored === logged) return false;
    if (stored === null) streams.missing += 1;
    else streams.different += 1;
    found.example(`stream ${stream}: version ${stored ?? 'none'} in the database, ${logged} by the log`);
    return true;
  });
  await look(STORED_STREAMS, ({ stream, logged }) => {
    if (logged !== null) return false;
    streams.extra += 1;
    found.example(`stream ${stream}: the log does not know it`);
    return true;
  });
}

const COUNTERS = statement('replay_counters', 'SELECT key, value FROM counters');
const MEND_COUNTERS = statement('mend_counters', 'SELECT mend_counters($1, $2::text[], $3::bigint[]) AS done');

/** @param pool null: it is only counted */
export async function mendCounters(
  session: Session,
  pool: Pool | null,
  replay: { readonly pid: number; readonly folded: ReadonlyMap<string, number> },
  found: Findings,
): Promise<void> {
  const { counters } = found.tables;
  const rows = await session.query<{ key: string; value: number }>(COUNTERS, []);
  const stored = new Map(rows.map(({ key, value }) => [key, value]));
  const changes: { key: string; change: number }[] = [];
  for (const key of new Set([...stored.keys(), ...replay.folded.keys()])) {
    const [has, folded] = [stored.get(key) ?? 0, replay.folded.get(key) ?? 0];
    if (has === folded) continue;
    if (!stored.has(key)) counters.missing += 1;
    else if (!replay.folded.has(key)) counters.extra += 1;
    else counters.different += 1;
    found.example(`counter ${key}: ${has} in the database, ${folded} by the log`);
    changes.push({ key, change: folded - has });
  }
  if (pool === null) return;
  for (let from = 0; from < changes.length; from += MENDED_AT_ONCE) {
    const some = changes.slice(from, from + MENDED_AT_ONCE);
    const values = [replay.pid, some.map(({ key }) => key), some.map(({ change }) => change)];
    const [answer] = await pool.query<{ done: boolean }>(MEND_COUNTERS, values);
    if (answer?.done !== true) throw new AppError('STORE_UNAVAILABLE', 'the snapshot was lost; replay again');
  }
}
