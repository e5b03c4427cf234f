/** Where queued tasks are and what is due of them, for the leader who gives them tickets. */
import { LIMITS } from '@morningai/core/limits';
import type { Pool, Statement } from '@morningai/log/pool';

export type QueuedLine = { readonly agent: string; readonly tenant: string };

const LINES: Statement = {
  name: 'queued_lines',
  sql: 'SELECT agent, tenant FROM queued_lines LIMIT $1',
};

/** Who has something queued, due or not. */
export function queuedLines(pool: Pool, limit: number): Promise<QueuedLine[]> {
  return pool.query<QueuedLine>(LINES, [limit]);
}

export type QueuedTask = {
  readonly taskId: string;
  readonly agent: string;
  readonly tenant: string;
  readonly priority: number;
  /** ms; 0 or less: it is due. */
  readonly dueInMs: number;
};

const AMONG: Statement = {
  name: 'queued_among',
  sql: `SELECT t.id AS "taskId", t.agent, t.tenant, t.priority,
               (extract(epoch FROM t.wake_at - clock_timestamp()) * 1000)::float8 AS "dueInMs"
        FROM unnest($1::uuid[]) AS wanted(id)
        CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = wanted.id LIMIT 1) t
        WHERE t.status = 'queued'`,
};

/** Of these tasks, those that are queued now. */
export function queuedAmong(pool: Pool, taskIds: readonly string[]): Promise<QueuedTask[]> {
  return pool.query<QueuedTask>(AMONG, [taskIds]);
}

const DUE_SOON: Statement = {
  name: 'due_soon',
  sql: `SELECT t.id AS "taskId", (extract(epoch FROM t.wake_at - clock_timestamp()) * 1000)::float8 AS "dueInMs"
        FROM unnest($1::text[], $2::text[]) AS line(agent, tenant)
        CROSS JOIN generate_series(0, $5::int - 1) AS p(priority)
        CROSS JOIN LATERAL (
          SELECT t.id, t.wake_at FROM tasks t
          WHERE t.status = 'queued' AND t.agent = line.agent AND t.tenant = line.tenant AND t.priority = p.priority
            AND t.wake_at > now() AND t.wake_at <= now() + $3 * interval '1 millisecond'
          ORDER BY t.wake_at, t.id LIMIT $4
        ) t
        LIMIT $4`,
};

/** Queued tasks of these that are not due yet, and will be within so long. */
export function dueSoon(
  pool: Pool,
  lines: readonly QueuedLine[],
  wanted: { readonly withinMs: number; readonly limit: number },
): Promise<Pick<QueuedTask, 'taskId' | 'dueInMs'>[]> {
  const [agents, tenants] = [lines.map(({ agent }) => agent), lines.map(({ tenant }) => tenant)];
  return pool.query(DUE_SOON, [agents, tenants, wanted.withinMs, wanted.limit, LIMITS.priorities]);
}

/** How far a line has been read: behind the task `afterId`, which was due at `afterDueAt` (as Postgres wrote it). */
export type Cursor = QueuedLine & { readonly priority: number; readonly afterDueAt: string; readonly afterId: string };

export type BacklogTask = Pick<QueuedTask, 'taskId' | 'tenant' | 'priority'> & { readonly dueAt: string };

const BACKLOG: Statement = {
  name: 'due_backlog',
  sql: `SELECT t.id AS "taskId", c.tenant, c.priority, t.wake_at::text AS "dueAt"
        FROM unnest($2::text[], $3::int[], $4::timestamptz[], $5::uuid[]) AS c(tenant, priority, after_due_at, after_id)
        CROSS JOIN LATERAL (
          SELECT t.id, t.wake_at FROM tasks t
          WHERE t.status = 'queued' AND t.agent = $1 AND t.tenant = c.tenant AND t.priority = c.priority
            AND (t.wake_at, t.id) > (c.after_due_at, c.after_id) AND t.wake_at <= now()
          ORDER BY t.wake_at, t.id LIMIT $6
        ) t
        ORDER BY c.priority, t.wake_at, t.id`,
};

/** Due tasks of one agent behind these cursors, at most so many of each, the most urgent first. */
export function dueBacklog(
  pool: Pool,
  agent: string,
  cursors: readonly Cursor[],
  limitEach: number,
): Promise<BacklogTask[]> {
  return pool.query<BacklogTask>(BACKLOG, [
    agent,
    cursors.map(({ tenant }) => tenant),
    cursors.map(({ priority }) => priority),
    cursors.map(({ afterDueAt }) => afterDueAt),
    cursors.map(({ afterId }) => afterId),
    limitEach,
  ]);
}
