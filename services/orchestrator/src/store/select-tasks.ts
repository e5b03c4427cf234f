/** The tasks that a selection matches, page by page in order of their ids. A page looks at so many rows and no more, whatever matches. */
import type { Pool, Statement } from '@morningai/log/pool';
import type { TaskSelection } from '../domain/task-selection.ts';

export type SelectedPage = {
  readonly ids: readonly string[];
  /** Where the next page begins; null: there is none. */
  readonly after: string | null;
};

const CONDITIONS = `
  t.tenant = $1
  AND ($4::text IS NULL
       OR t.status = CASE WHEN $4 = 'scheduled' THEN 'queued' ELSE $4 END
          AND ($4 NOT IN ('scheduled', 'queued') OR (t.wake_at > clock_timestamp()) = ($4 = 'scheduled')))
  AND ($5::text IS NULL OR t.agent = $5)
  AND ($6::text IS NULL OR ($7::text IS NULL AND t.labels ? $6) OR t.labels ->> $6 = $7)
  AND ($8::timestamptz IS NULL OR t.created_at < $8)
  AND ($9::text IS NULL OR t.state #>> '{error,code}' = $9)`;

// An attempt that was asked to stop already is not asked again.
const IS_OPEN = `t.status IN ('queued', 'waiting') OR t.status = 'running' AND t.state ->> 'cancelReason' IS NULL`;
const IS_FAILED = `t.status = 'failed'`;

const page = (name: string, rows: string, isMeant: string): Statement => ({
  name: `select_${name}`,
  sql: `SELECT count(*)::int AS seen, (array_agg(t.id ORDER BY t.id DESC))[1] AS last,
               coalesce(array_agg(t.id ORDER BY t.id) FILTER (WHERE (${isMeant}) AND ${CONDITIONS}), '{}') AS ids
        FROM (SELECT * FROM tasks WHERE ${rows} AND id > $2 ORDER BY id LIMIT $3) t`,
});

/** Among which rows it looks: those of the ids, else those of the failed registry, else all. */
const PAGES = {
  open: page('open', 'true', IS_OPEN),
  openOfIds: page('open_of_ids', 'id = ANY ($10::uuid[])', IS_OPEN),
  failed: page('failed', `tenant = $1 AND status = 'failed'`, IS_FAILED),
  failedOfIds: page('failed_of_ids', 'id = ANY ($10::uuid[])', IS_FAILED),
} as const;

const FIRST = '00000000-0000-0000-0000-000000000000';

export async function selectTasks(
  pool: Pool,
  among: 'open' | 'failed',
  selection: TaskSelection,
  from: { readonly after: string | null; readonly rows: number },
): Promise<SelectedPage> {
  const { tenant, ids, status, agent, label, errorCode, before } = selection;
  const statement = PAGES[ids === null ? among : (`${among}OfIds` as const)];
  const values = [tenant, from.after ?? FIRST, from.rows, status, agent, label?.name, label?.value, before, errorCode];
  const rows = await pool.query<{ seen: number; last: string | null; ids: string[] }>(
    statement,
    [...values, ...(ids === null ? [] : [ids])].map((value) => value ?? null),
  );
  const found = rows[0];
  return { ids: found?.ids ?? [], after: found?.seen === from.rows ? found.last : null };
}
