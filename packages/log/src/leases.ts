/**
 * Which tasks are due, which attempts hold, which have run out. Plain reads and an upsert into `leases`, in order of task id: no row of
 * `tasks` is ever locked here, so nothing of this can wait for an append, or an append for it. All of it is a hint; the
 * append decides under its lock.
 */
import { healMissing } from './heal-missing.ts';
import type { Pool, Statement } from './pool.ts';

export type Claim = { readonly taskId: string; readonly fence: number };

const RENEW: Statement = {
  name: 'renew_leases',
  sql: `INSERT INTO leases AS l (task_id, fence, until)
        SELECT c.task_id, c.fence, now() + max(c.lease_ms) * interval '1 millisecond'
        FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS c(task_id, fence, lease_ms)
        CROSS JOIN LATERAL (SELECT t.status, t.fence FROM tasks t WHERE t.id = c.task_id LIMIT 1) t
        WHERE t.status = 'running' AND t.fence = c.fence
        GROUP BY c.task_id, c.fence
        ORDER BY c.task_id
        ON CONFLICT (task_id) DO UPDATE SET
          fence = excluded.fence,
          until = CASE WHEN l.fence = excluded.fence THEN greatest(l.until, excluded.until) ELSE excluded.until END
        WHERE l.fence <= excluded.fence
        RETURNING l.task_id AS "taskId", l.fence, (
          SELECT json_build_object('reason', t.state ->> 'cancelReason',
                                   'graceMs', greatest(0, (extract(epoch FROM t.wake_at - now()) * 1000)::bigint))
          FROM tasks t WHERE t.id = l.task_id AND t.state ->> 'cancelReason' IS NOT NULL
        ) AS cancel`,
};

/** `cancel`: it was asked to stop, and has so long left for it. */
export type RenewedLease = Claim & { readonly cancel: { readonly reason: string; readonly graceMs: number } | null };
export type Renewal = Claim & { readonly leaseMs: number };

/**
 * Renews the leases of attempts that are running with this very fence. Where a task's row is gone, the log is asked.
 * @returns those that were renewed; who is missing has lost its claim
 */
export async function renewLeases(pool: Pool, renewals: readonly Renewal[]): Promise<RenewedLease[]> {
  const renew = (some: readonly Renewal[]) => {
    const ids = some.map((renewal) => renewal.taskId);
    const fences = some.map((renewal) => renewal.fence);
    const leases = some.map((renewal) => renewal.leaseMs);
    return pool.query<RenewedLease>(RENEW, [ids, fences, leases]);
  };
  const renewed = await renew(renewals);
  if (renewed.length >= renewals.length) return renewed;
  const done = new Set(renewed.map(({ taskId }) => taskId));
  const lost = renewals.filter(({ taskId }) => !done.has(taskId));
  await healMissing(
    pool,
    lost.map(({ taskId }) => taskId),
  );
  return [...renewed, ...(await renew(lost))];
}

export type RunningAttempt = Claim & { readonly tenant: string; readonly agent: string; readonly failures: number };

/** `begun`: it has a row in `leases`, so its worker was heard of since the claim. */
export type ExpiredAttempt = RunningAttempt & { readonly begun: boolean };

const EXPIRED: Statement = {
  name: 'expired_attempts',
  sql: `SELECT t.id AS "taskId", t.fence, t.tenant, t.agent, (t.state ->> 'failures')::int AS failures,
               EXISTS (SELECT FROM leases l WHERE l.task_id = t.id AND l.fence = t.fence) AS begun
        FROM unnest($1::text[]) AS wanted(agent)
        CROSS JOIN LATERAL (
          SELECT * FROM tasks t
          WHERE t.status = 'running' AND t.agent = wanted.agent AND t.wake_at <= now()
            AND ((SELECT l.until FROM leases l WHERE l.task_id = t.id AND l.fence = t.fence) > now()) IS NOT TRUE
          LIMIT $2
        ) t
        LIMIT $2`,
};

/** Running attempts of these agents whose first lease and whose renewed one are over. Expire decides again, under the lock. */
export function expiredAttempts(
  pool: Pool,
  wanted: { readonly agents: readonly string[]; readonly limit: number },
): Promise<ExpiredAttempt[]> {
  return pool.query<ExpiredAttempt>(EXPIRED, [wanted.agents, wanted.limit]);
}

const OVERDUE: Statement = {
  name: 'overdue_attempts',
  sql: `SELECT t.id AS "taskId", t.fence, t.tenant, t.agent, (t.state ->> 'failures')::int AS failures,
               (t.state ->> 'timeoutMs')::int AS "timeoutMs"
        FROM unnest($1::text[]) AS wanted(agent)
        CROSS JOIN LATERAL (
          SELECT * FROM tasks t
          WHERE t.status = 'running' AND t.agent = wanted.agent AND t.wake_at IS NOT NULL
            AND t.started_at <= now() - $3 * interval '1 millisecond'
            AND t.started_at <= now() - ($3 + (t.state ->> 'timeoutMs')::bigint) * interval '1 millisecond'
            AND EXISTS (SELECT FROM leases l WHERE l.task_id = t.id AND l.fence = t.fence)
          LIMIT $2
        ) t
        LIMIT $2`,
};

/** Attempts of these agents that were begun and have taken longer than they may, and `graceMs` more. What never began is Expire's. */
export function overdueAttempts(
  pool: Pool,
  wanted: { readonly agents: readonly string[]; readonly limit: number; readonly graceMs: number },
): Promise<(RunningAttempt & { readonly timeoutMs: number })[]> {
  return pool.query(OVERDUE, [wanted.agents, wanted.limit, wanted.graceMs]);
}

// Tenant by tenant and priority by priority, a range of the index for each: neither a tenant with a million tasks nor tasks of a high
// priority that are due later are walked past, and within a priority the tenants take turns.
const DUE: Statement = {
  name: 'due_tasks',
  sql: `WITH RECURSIVE tenants AS (
          (SELECT t.tenant, 1 AS n FROM tasks t
           WHERE t.status = 'queued' AND t.agent = $1 AND t.wake_at IS NOT NULL AND t.tenant > $6 ORDER BY t.tenant LIMIT 1)
          UNION ALL
          SELECT next.tenant, o.n + 1 FROM tenants o CROSS JOIN LATERAL (
            SELECT t.tenant FROM tasks t
            WHERE t.status = 'queued' AND t.agent = $1 AND t.wake_at IS NOT NULL AND t.tenant > o.tenant ORDER BY t.tenant LIMIT 1
          ) next
          WHERE o.n < $7::int
        ), picked AS (
          SELECT due.id, due.wake_at, due.turn, o.tenant, p.priority
          FROM (SELECT tenant FROM tenants WHERE tenant <> ALL ($5::text[])) o
          CROSS JOIN generate_series(0, 3) AS p(priority)
          CROSS JOIN LATERAL (
            SELECT t.id, t.wake_at, row_number() OVER (ORDER BY t.wake_at, t.id) AS turn FROM tasks t
            WHERE t.status = 'queued' AND t.agent = $1 AND t.tenant = o.tenant AND t.priority = p.priority
              AND t.wake_at <= now() - $3 * interval '1 millisecond'
            ORDER BY t.wake_at, t.id LIMIT $2::int + $4::int
          ) due
          ORDER BY p.priority, due.turn, due.wake_at, due.id LIMIT $2 OFFSET $4
        )
        SELECT picked.id AS "taskId", picked.tenant, walk."walkedTo"
        FROM (SELECT max(tenant) FILTER (WHERE n = $7::int) AS "walkedTo" FROM tenants) walk LEFT JOIN picked ON true
        ORDER BY picked.priority, picked.turn, picked.wake_at, picked.id`,
};

export type DueQuery = {
  readonly agent: string;
  readonly limit: number;
  /** Due for at least so long; default 0. */
  readonly dueForMs?: number;
  /** How many of the most urgent to leave to others; default 0. */
  readonly offset?: number;
  /** Tenants to pass over; default none. */
  readonly exceptTenants?: readonly string[];
  /** Only tenants behind this one; default all. */
  readonly afterTenant?: string;
};

/** Tenants that one query looks at: those behind them have the next one. */
const TENANTS_MAX = 1_000;

export type DueTask = { readonly taskId: string; readonly tenant: string };
/** `walkedTo`: there may be tenants behind this one; null: all were looked at. */
export type DuePage = { readonly tasks: readonly DueTask[]; readonly walkedTo: string | null };

/** Queued tasks that are due, the most urgent first; tenants take turns. */
export async function dueTasks(pool: Pool, query: DueQuery): Promise<DuePage> {
  const { agent, limit, dueForMs = 0, offset = 0, exceptTenants = [], afterTenant = '' } = query;
  type Row = { taskId: string | null; tenant: string; walkedTo: string | null };
  const parameters = [agent, limit, dueForMs, offset, exceptTenants, afterTenant, TENANTS_MAX];
  const rows = await pool.query<Row>(DUE, parameters);
  return {
    tasks: rows.flatMap(({ taskId, tenant }) => (taskId === null ? [] : [{ taskId, tenant }])),
    walkedTo: rows[0]?.walkedTo ?? null,
  };
}

// SKIP LOCKED: whoever waits for nobody cannot be part of a deadlock.
const SWEEP: Statement = {
  name: 'sweep_leases',
  sql: `WITH page AS MATERIALIZED (
          SELECT l.task_id FROM leases l WHERE l.task_id > $1 ORDER BY l.task_id LIMIT $2
        ), ended AS MATERIALIZED (
          SELECT l.task_id FROM page p CROSS JOIN LATERAL (
            SELECT l.task_id FROM leases l
            WHERE l.task_id = p.task_id AND l.until < now()
              AND (SELECT t.status = 'running' AND t.fence = l.fence FROM tasks t WHERE t.id = l.task_id) IS NOT TRUE
            FOR UPDATE SKIP LOCKED
          ) l
        ), dropped AS (
          DELETE FROM leases l USING ended e WHERE l.task_id = e.task_id
        )
        SELECT p.task_id AS "taskId" FROM page p ORDER BY p.task_id DESC LIMIT 1`,
};

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Forgets the leases of attempts that have ended, page by page. To be called now and then. */
export async function sweepLeases(pool: Pool, pageSize: number): Promise<void> {
  for (let after: string | undefined = NIL_UUID; after !== undefined;) {
    const rows: { taskId: string }[] = await pool.query(SWEEP, [after, pageSize]);
    after = rows[0]?.taskId;
  }
}
