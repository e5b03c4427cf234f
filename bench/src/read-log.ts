/** What the log says afterwards. Times are of Postgres' clock, which on one machine is everybody's: ms since 1970. */
import type { Pool, Statement } from '@morningai/log/pool';
import type { Latency } from './log-watch.ts';

const MS = '(extract(epoch FROM recorded_at) * 1000)::float8';

const COMPLETIONS: Statement = {
  name: 'bench_completions',
  sql: `SELECT ${MS} AS at FROM events WHERE position > $1 AND type = 'TaskCompleted' ORDER BY position`,
};

/** When each of the tasks that were completed after the position was, in order. */
export async function completions(pool: Pool, after: number): Promise<readonly number[]> {
  const rows = await pool.query<{ at: number }>(COMPLETIONS, [after]);
  return rows.map(({ at }) => at);
}

const EPOCH: Statement = {
  name: 'bench_epoch',
  sql: `SELECT position, ${MS} AS at FROM events
        WHERE stream = 'dispatch' AND type = 'EpochStarted' AND position > $1 AND ${MS} > $2 ORDER BY position LIMIT 1`,
};

/** The first epoch that was started after the position, and after the time. */
export async function epochAfter(pool: Pool, after: number, afterMs = 0): Promise<{ position: number; at: number }> {
  const [row] = await pool.query<{ position: number; at: number }>(EPOCH, [after, afterMs]);
  if (row === undefined) throw new Error('no epoch was started');
  return row;
}

const FIRST_CLAIM: Statement = {
  name: 'bench_first_claim',
  sql: `SELECT ${MS} AS at FROM unnest($2::text[]) AS wanted(stream)
        CROSS JOIN LATERAL (
          SELECT e.recorded_at, e.position FROM events e
          WHERE e.stream = wanted.stream AND e.type = 'AttemptStarted' AND e.position > $1
        ) started
        ORDER BY position LIMIT 1`,
};

/** When the first attempt of one of these tasks was started after the position; null: none was. */
export async function firstClaim(pool: Pool, after: number, taskIds: Iterable<string>): Promise<number | null> {
  const streams = Array.from(taskIds, (taskId) => `task/${taskId}`);
  const [row] = await pool.query<{ at: number }>(FIRST_CLAIM, [after, streams]);
  return row?.at ?? null;
}

const RUN_LATENCY: Statement = {
  name: 'bench_run_latency',
  sql: `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95,
               max(ms) AS max
        FROM (
          SELECT (e.data -> 'output' ->> 'startedAt')::float8 - (extract(epoch FROM t.created_at) * 1000)::float8 AS ms
          FROM events e CROSS JOIN LATERAL (
            SELECT created_at FROM tasks WHERE id = substr(e.stream, 6)::uuid LIMIT 1
          ) t
          WHERE e.position > $1 AND e.type = 'TaskCompleted'
        ) ran`,
};

/** Accepted → the agent's code ran, ms, of the tasks that were completed after the position and say when that was. */
export async function runLatency(pool: Pool, after: number): Promise<Latency> {
  const [row] = await pool.query<Latency>(RUN_LATENCY, [after]);
  if (row === undefined) throw new Error('no task was completed');
  return row;
}

export type StartedAttempt = { readonly at: number; readonly worker: string };

const ATTEMPTS: Statement = {
  name: 'bench_attempts',
  sql: `SELECT ${MS} AS at, data ->> 'worker' AS worker FROM events
        WHERE type = 'AttemptStarted' AND recorded_at >= to_timestamp($1 / 1000.0) ORDER BY position`,
};

/** The attempts that were started since then, in order. */
export function attemptsSince(pool: Pool, sinceMs: number): Promise<StartedAttempt[]> {
  return pool.query<StartedAttempt>(ATTEMPTS, [sinceMs]);
}

const OPEN: Statement = {
  name: 'bench_open_tasks',
  sql: `SELECT count(*) AS open FROM tasks WHERE status IN ('queued', 'running', 'waiting')`,
};

export async function openTasks(pool: Pool): Promise<number> {
  const [row] = await pool.query<{ open: number }>(OPEN, []);
  return row?.open ?? 0;
}
