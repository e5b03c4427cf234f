/**
 * The tasks that a selection matches, page by page. A page looks at so many rows of an index and no more, whatever matches, and no row of
 * finished work is looked at. What changes meanwhile may be found twice, or not at all.
 */
import type { Pool, Statement } from '@morningai/log/pool';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { TaskSelection } from '../domain/task-selection.ts';

const ROWS_PER_PAGE = 10_000;

const CONDITIONS = `
  t.tenant = $1
  AND ($2::text IS NULL
       OR t.status = CASE WHEN $2 = 'scheduled' THEN 'queued' ELSE $2 END
          AND ($2 NOT IN ('scheduled', 'queued') OR (t.wake_at > clock_timestamp()) = ($2 = 'scheduled')))
  AND ($3::text IS NULL OR t.agent = $3)
  AND ($4::text IS NULL OR ($5::text IS NULL AND t.labels ? $4) OR t.labels ->> $4 = $5)
  AND ($6::timestamptz IS NULL OR t.created_at < $6)
  AND ($7::text IS NULL OR t.state #>> '{error,code}' = $7)`;

// An attempt that was asked to stop already is not asked again.
const IS_OPEN = `(t.status IN ('queued', 'waiting') OR t.status = 'running' AND t.state ->> 'cancelReason' IS NULL)`;

type Page = { ids: string[]; seen: number };

const OF_IDS = {
  open: ofIds('open', IS_OPEN),
  failed: ofIds('failed', `t.status = 'failed'`),
} as const;

function ofIds(among: string, isMeant: string): Statement {
  return {
    name: `select_${among}_of_ids`,
    sql: `SELECT count(*)::int AS seen, coalesce(array_agg(t.id ORDER BY t.id), '{}') AS ids
          FROM tasks t WHERE t.id = ANY ($8::uuid[]) AND ${isMeant} AND ${CONDITIONS}`,
  };
}

// The failed registry has an index of its own.
const FAILED: Statement = {
  name: 'select_failed',
  sql: `SELECT count(*)::int AS seen, (array_agg(t.id ORDER BY t.id DESC))[1] AS last,
               coalesce(array_agg(t.id ORDER BY t.id) FILTER (WHERE ${CONDITIONS}), '{}') AS ids
        FROM (SELECT * FROM tasks WHERE tenant = $1 AND status = 'failed' AND id > $8 ORDER BY id LIMIT $9) t`,
};

// One range of the index of open tasks.
const OPEN: Statement = {
  name: 'select_open',
  sql: `WITH page AS MATERIALIZED (
          SELECT * FROM tasks
          WHERE status = $8 AND agent = $9 AND tenant = $1 AND wake_at IS NOT NULL
            AND (priority, wake_at, id) > ($10::smallint, $11::timestamptz, $12::uuid)
          ORDER BY priority, wake_at, id LIMIT $13
        )
        SELECT (SELECT count(*)::int FROM page) AS seen,
               (SELECT json_build_array(p.priority, p.wake_at::text, p.id) FROM page p
                ORDER BY p.priority DESC, p.wake_at DESC, p.id DESC LIMIT 1) AS last,
               coalesce((SELECT array_agg(t.id) FROM page t WHERE ${IS_OPEN} AND ${CONDITIONS}), '{}') AS ids`,
};

const FIRST_ID = '00000000-0000-0000-0000-000000000000';
/** Queued before running: what is claimed meanwhile is found there. */
const OPEN_STATUSES = ['queued', 'waiting', 'running'] as const;

/** @param agents who may have open tasks */
export async function* selectTasks(
  pool: Pool,
  among: 'open' | 'failed',
  selection: TaskSelection,
  agents: readonly string[],
): AsyncGenerator<readonly string[]> {
  const { tenant, ids, status, agent, label, errorCode, before } = selection;
  const values = [tenant, status, agent, label?.name ?? null, label?.value ?? null, before, errorCode];
  const ask = async <P extends Page>(statement: Statement, more: readonly unknown[]): Promise<P | undefined> =>
    (await pool.query<P>(statement, [...values, ...more]).catch(storeUnavailable))[0];

  if (ids !== null) {
    yield (await ask(OF_IDS[among], [ids]))?.ids ?? [];
    return;
  }
  if (among === 'failed') {
    for (let after: string | null = FIRST_ID; after !== null;) {
      const page: (Page & { last: string | null }) | undefined = await ask(FAILED, [after, ROWS_PER_PAGE]);
      yield page?.ids ?? [];
      after = page?.seen === ROWS_PER_PAGE ? page.last : null;
    }
    return;
  }
  const asked = status === 'scheduled' ? 'queued' : status;
  for (const one of OPEN_STATUSES.filter((open) => asked === null || open === asked)) {
    for (const name of agent === null ? agents : [agent]) {
      for (let after: Place | null = [-1, '-infinity', FIRST_ID]; after !== null;) {
        const page: (Page & { last: Place | null }) | undefined = await ask(OPEN, [one, name, ...after, ROWS_PER_PAGE]);
        yield page?.ids ?? [];
        after = page?.seen === ROWS_PER_PAGE ? page.last : null;
      }
    }
  }
}

/** Priority, wake_at as Postgres writes it, id. */
type Place = readonly [number, string, string];
