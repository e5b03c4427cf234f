import type { Pool, Statement } from '@morningai/log/pool';
import { readEvents, readHead } from '@morningai/log/read';
import { eventually } from '@morningai/testbed/eventually';
import type { TaskEvent } from './check.ts';
import type { Stage } from './drill.ts';

const PAGE = 5_000;
const TASK = 'task/';

export async function headOf(pool: Pool): Promise<number> {
  return (await readHead(pool)).head;
}

/** Every event of a task after the position. */
export async function readTaskEvents(pool: Pool, after: number): Promise<readonly TaskEvent[]> {
  const events: TaskEvent[] = [];
  for (let position = after; ;) {
    const page = await readEvents(pool, position, PAGE);
    for (const { stream, version, life, type, dataText, recordedAt, position: at } of page) {
      if (!stream.startsWith(TASK)) continue;
      const data = JSON.parse(dataText) as TaskEvent['data'];
      const taskId = stream.slice(TASK.length);
      events.push({ position: at, taskId, version, life, type, data, recordedAtMs: recordedAt.getTime() });
    }
    const last = page.at(-1);
    if (last === undefined) return events;
    position = last.position;
  }
}

const OPEN: Statement = {
  name: 'drill_open_tasks',
  sql: `SELECT count(*) AS open FROM submissions s JOIN tasks t ON t.id = s.task_id
        WHERE starts_with(s.idempotency_key, $1) AND t.status NOT IN ('completed', 'failed', 'cancelled')`,
};

/** Of the tasks whose keys begin so. */
export async function openTasks(pool: Pool, prefix: string): Promise<number> {
  const [row] = await pool.query<{ open: number }>(OPEN, [prefix]);
  return row?.open ?? 0;
}

const OPEN_IDS: Statement = {
  name: 'drill_open_ids',
  sql: `SELECT s.task_id AS id FROM submissions s JOIN tasks t ON t.id = s.task_id
        WHERE starts_with(s.idempotency_key, $1) AND t.status NOT IN ('completed', 'failed', 'cancelled')`,
};

/** The tasks whose keys begin so, and that are not finished. */
export async function openTaskIds(pool: Pool, prefix: string): Promise<readonly string[]> {
  const rows = await pool.query<{ id: string }>(OPEN_IDS, [prefix]);
  return rows.map(({ id }) => id);
}

const ACCEPTED: Statement = {
  name: 'drill_accepted',
  sql: `SELECT task_id AS id FROM submissions WHERE idempotency_key = $1`,
};

/** The task under this key; undefined: none yet. */
export async function taskOfKey(pool: Pool, key: string): Promise<string | undefined> {
  const [row] = await pool.query<{ id: string }>(ACCEPTED, [key]);
  return row?.id;
}

const FAILURE: Statement = {
  name: 'drill_failure',
  sql: `SELECT e.data -> 'error' ->> 'code' AS code FROM tasks t JOIN events e ON e.position = t.outcome_position
        WHERE t.id = $1 AND e.type = 'TaskFailed'`,
};

/** The code a task failed with; undefined: it has not. */
export async function failureOf(pool: Pool, taskId: string): Promise<string | undefined> {
  const [row] = await pool.query<{ code: string }>(FAILURE, [taskId]);
  return row?.code;
}

const UNFINISHED: Statement = {
  name: 'drill_unfinished',
  sql: `SELECT count(*) AS open FROM tasks
        WHERE id = ANY ($1::uuid[]) AND status NOT IN ('completed', 'failed', 'cancelled')`,
};

const FINISH_MS = 40_000;

/** Waits for the tasks' outcomes; what is late, the check will tell. */
export async function untilFinished({ stack, signal }: Stage, tasks: readonly string[]): Promise<void> {
  const finished = async () => {
    const [row] = await stack.pool.query<{ open: number }>(UNFINISHED, [tasks]);
    if (row?.open !== 0) throw new Error('not finished');
  };
  await eventually(finished, { deadlineMs: FINISH_MS, everyMs: 50, signal }).catch(() => signal.throwIfAborted());
}

const COMPLETIONS: Statement = {
  name: 'drill_completions',
  sql: `SELECT count(*) AS done FROM tasks
        WHERE status = 'completed' AND finished_at BETWEEN to_timestamp($1 / 1000.0) AND to_timestamp($2 / 1000.0)`,
};

/** @param fromMs since 1970 */
export async function completionsBetween(pool: Pool, fromMs: number, toMs: number): Promise<number> {
  const [row] = await pool.query<{ done: number }>(COMPLETIONS, [fromMs, toMs]);
  return row?.done ?? 0;
}

const EPOCHS: Statement = {
  name: 'drill_epochs',
  sql: `SELECT version FROM streams WHERE stream = 'dispatch'`,
};

export async function epochsStarted(pool: Pool): Promise<number> {
  const [row] = await pool.query<{ version: number }>(EPOCHS, []);
  return row?.version ?? 0;
}
