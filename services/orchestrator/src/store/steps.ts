import type { Pool, Statement } from '@morningai/log/pool';
import { taskStream } from '@morningai/log/task-batch';

export type StepRow = {
  readonly index: number;
  readonly step: string;
  /** Null: an intent without an outcome. */
  readonly outputJson: string | null;
  readonly effectKey: string | null;
};

// A step may have an intent and an outcome; the outcome is the later one.
const READ: Statement = {
  name: 'read_steps',
  sql: `SELECT DISTINCT ON (1) (data ->> 'index')::int AS index, data ->> 'step' AS step,
               (data -> 'output')::text AS "outputJson", data ->> 'effectKey' AS "effectKey"
        FROM events
        WHERE stream = $1 AND type IN ('StepStarted', 'StepCompleted') AND (data ->> 'index')::int >= $2
        ORDER BY 1, version DESC LIMIT $3`,
};

/** The steps of a task in order, from an index. */
export function readSteps(pool: Pool, taskId: string, fromIndex: number, limit: number): Promise<StepRow[]> {
  return pool.query<StepRow>(READ, [taskStream(taskId), fromIndex, limit]);
}
