/** Looks at the log as it grows, on a connection of its own. */
import type { Pool, Statement } from '@morningai/log/pool';

const COUNTS: Statement = {
  name: 'demo_counts',
  sql: `SELECT (SELECT count(*) FROM tasks) AS accepted, (SELECT count(*) FROM outcomes) AS finished`,
};

export async function countTasks(pool: Pool): Promise<{ readonly accepted: number; readonly finished: number }> {
  const [row] = await pool.query<{ accepted: number; finished: number }>(COUNTS, []);
  return row ?? { accepted: 0, finished: 0 };
}

export type Gap = { readonly ms: number; readonly at: Date };

// Of the time in which there was work: from the first completion to the last.
const GAP: Statement = {
  name: 'demo_gap',
  sql: `SELECT (extract(epoch FROM gap) * 1000)::float8 AS ms, at
        FROM (
          SELECT recorded_at - lag(recorded_at) OVER (ORDER BY position) AS gap,
                 lag(recorded_at) OVER (ORDER BY position) AS at
          FROM events WHERE type = 'TaskCompleted' AND recorded_at >= $1 AND recorded_at < $2
        ) completions
        WHERE gap IS NOT NULL ORDER BY gap DESC LIMIT 1`,
};

/** The longest time between two completions in the span; null: fewer than two. */
export async function longestGap(pool: Pool, from: Date, to: Date): Promise<Gap | null> {
  const [row] = await pool.query<Gap>(GAP, [from, to]);
  return row ?? null;
}
