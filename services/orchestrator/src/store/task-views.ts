import { healMissing } from '@morningai/log/heal-missing';
import type { Pool, Statement } from '@morningai/log/pool';
import type { TaskView } from '../domain/task-view.ts';

// `scheduled` is queued and not yet due, by Postgres' clock. Input and output stay in the log: two probes by position.
const COLUMNS = `
  t.id, t.tenant, t.agent, t.version, t.fence, t.priority, t.labels, t.state,
  CASE WHEN t.status = 'queued' AND t.wake_at > clock_timestamp() THEN 'scheduled' ELSE t.status END AS status,
  t.created_at AS "createdAt", t.updated_at AS "updatedAt", t.started_at AS "startedAt", t.finished_at AS "finishedAt",
  t.expires_at AS "expiresAt",
  CASE WHEN t.status = 'queued' THEN t.wake_at
       ELSE s.recorded_at + (s.data ->> 'dueInMs')::bigint * interval '1 millisecond' END AS "dueAt",
  (s.data -> 'input')::text AS "inputJson", (o.data -> 'output')::text AS "outputJson"`;

const JOINS = `
  JOIN events s ON s.position = t.submitted_position
  LEFT JOIN events o ON o.position = t.outcome_position AND o.type = 'TaskCompleted'`;

const GET: Statement = {
  name: 'get_tasks',
  // How it was claimed only its history knows: it is looked for from the newest event on, and not for lists.
  sql: `SELECT ${COLUMNS},
               (SELECT a.data ->> 'lane' FROM events a
                WHERE a.stream = 'task/' || t.id AND a.type = 'AttemptStarted' AND a.version <= t.version
                ORDER BY a.version DESC LIMIT 1) AS lane
        FROM tasks t ${JOINS} WHERE t.tenant = $1 AND t.id = ANY ($2::uuid[])`,
};

/** Those of the tasks that exist for this tenant; the log says which do. */
export async function getTaskViews(pool: Pool, tenant: string, ids: readonly string[]): Promise<TaskView[]> {
  const views = await pool.query<TaskView>(GET, [tenant, ids]);
  if (views.length === ids.length) return views;
  await healMissing(pool, ids);
  return pool.query<TaskView>(GET, [tenant, ids]);
}

export type TaskFilter = {
  readonly tenant: string;
  readonly status: string | null;
  readonly agent: string | null;
  readonly label: { readonly name: string; readonly value: string | null } | null;
  /** Only tasks with a smaller id: ids rise with time. */
  readonly beforeId: string | null;
  readonly limit: number;
};

const list = (name: string, rows: string): Statement => ({
  name,
  sql: `SELECT ${COLUMNS} FROM (
          SELECT * FROM tasks
          WHERE tenant = $1 AND ${rows}
            AND ($2::text IS NULL
                 OR status = CASE WHEN $2 = 'scheduled' THEN 'queued' ELSE $2 END
                    AND ($2 NOT IN ('scheduled', 'queued') OR (wake_at > clock_timestamp()) = ($2 = 'scheduled')))
            AND ($3::text IS NULL OR agent = $3)
            AND ($4::text IS NULL OR ($5::text IS NULL AND labels ? $4) OR labels ->> $4 = $5)
            AND ($6::uuid IS NULL OR id < $6)
          ORDER BY id DESC LIMIT $7
        ) t ${JOINS} ORDER BY t.id DESC`,
});
const LIST = list('list_tasks', 'true');
/** The failed registry has an index of its own, which a plan takes only if the status stands in the text. */
const LIST_FAILED = list('list_failed_tasks', `status = 'failed'`);

/** Newest first. */
export function listTaskViews(pool: Pool, filter: TaskFilter): Promise<TaskView[]> {
  const { tenant, status, agent, label, beforeId, limit } = filter;
  return pool.query<TaskView>(status === 'failed' ? LIST_FAILED : LIST, [
    tenant,
    status,
    agent,
    label?.name ?? null,
    label?.value ?? null,
    beforeId,
    limit,
  ]);
}
