import type { State } from '@morningai/core/task';
import type { Pool, Statement } from '@morningai/log/pool';

export type WhyRow = {
  readonly now: Date;
  readonly tenant: string;
  readonly state: State;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly wakeAt: Date | null;
  readonly expiresAt: Date | null;
  readonly leaseUntil: Date | null;
  /** The data of the newest event, if an attempt failed or expired with it. */
  readonly failure: { readonly type: string; readonly error: { code: string; message: string } | null } | null;
  /** Due tasks of its agent and tenant that come before it, as far as AHEAD_MAX of each priority. */
  readonly ahead: number;
};

const AHEAD_MAX = 1_000;

const READ: Statement = {
  name: 'why_task',
  sql: `SELECT now.at AS now, t.tenant, t.state, t.updated_at AS "updatedAt", t.started_at AS "startedAt", t.finished_at AS "finishedAt",
               t.wake_at AS "wakeAt", t.expires_at AS "expiresAt",
               (SELECT l.until FROM leases l WHERE l.task_id = t.id AND l.fence = t.fence) AS "leaseUntil",
               (SELECT json_build_object('type', e.type, 'error', e.data -> 'error') FROM events e
                WHERE e.stream = 'task/' || t.id AND e.version = t.version
                  AND e.type IN ('AttemptFailed', 'AttemptExpired')) AS failure,
               (SELECT count(*) FROM generate_series(0, t.priority) AS p(priority)
                CROSS JOIN LATERAL (
                  SELECT FROM tasks q
                  WHERE q.status = 'queued' AND q.agent = t.agent AND q.tenant = t.tenant AND q.priority = p.priority AND q.wake_at <= now.at
                    AND (p.priority < t.priority OR (q.wake_at, q.id) < (t.wake_at, t.id))
                  LIMIT ${AHEAD_MAX}
                ) q
                WHERE t.status = 'queued') AS ahead
        FROM tasks t CROSS JOIN clock_timestamp() AS now(at)
        WHERE t.id = $1`,
};

export async function readWhyRow(pool: Pool, taskId: string): Promise<WhyRow | undefined> {
  const rows = await pool.query<WhyRow>(READ, [taskId]);
  return rows[0];
}

const COUNTERS: Statement = {
  name: 'read_counters',
  sql: `SELECT w.key, coalesce((SELECT c.value FROM counters c WHERE c.key = w.key), 0) AS value
        FROM unnest($1::text[]) AS w(key)`,
};

/** In the order of the keys. */
export async function readCounters(pool: Pool, keys: readonly string[]): Promise<number[]> {
  const rows = await pool.query<{ key: string; value: number }>(COUNTERS, [keys]);
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  return keys.map((key) => values.get(key) ?? 0);
}
