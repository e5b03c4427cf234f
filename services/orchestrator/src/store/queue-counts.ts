import type { Pool, Statement } from '@morningai/log/pool';

/** No count goes further: a backlog of any size is answered within the statement's time-out. */
const COUNT_MAX = 1_000_000;

export type QueueCounts = {
  readonly agent: string;
  readonly due: number;
  readonly scheduled: number;
  readonly running: number;
  /** Null: nothing is due. */
  readonly oldestDueAt: Date | null;
};

// Each count walks one range of the index of open tasks.
const COUNT: Statement = {
  name: 'queue_counts',
  sql: `SELECT a.name AS agent, due.count AS due, scheduled.count AS scheduled, running.count AS running, due.oldest AS "oldestDueAt"
        FROM (SELECT DISTINCT name FROM agents) a
        CROSS JOIN LATERAL (
          SELECT count(*)::int, min(d.wake_at) AS oldest FROM (
            SELECT t.wake_at FROM tasks t
            WHERE t.status = 'queued' AND t.agent = a.name AND t.wake_at <= clock_timestamp() LIMIT $1
          ) d
        ) due
        CROSS JOIN LATERAL (
          SELECT count(*)::int FROM (
            SELECT FROM tasks t
            WHERE t.status = 'queued' AND t.agent = a.name AND t.wake_at > clock_timestamp() LIMIT $1
          ) s
        ) scheduled
        CROSS JOIN LATERAL (
          SELECT count(*)::int FROM (
            SELECT FROM tasks t WHERE t.status = 'running' AND t.agent = a.name AND t.wake_at IS NOT NULL LIMIT $1
          ) r
        ) running
        ORDER BY a.name`,
};

/** Of every agent a worker has ever offered, by name. */
export function queueCounts(pool: Pool): Promise<QueueCounts[]> {
  return pool.query<QueueCounts>(COUNT, [COUNT_MAX]);
}
