/**
 * Folds each task from the log and compares it with its row. Tasks are forgotten once they are finished and compared, so memory
 * holds the open ones only, and of those at most FOLDED_MAX; the rest are read again at the end, stream by stream.
 */
import { countersOf } from '@morningai/core/task-projection';
import type { Event } from '@morningai/core/task';
import { differingColumns, foldTask, type FoldedTask, type LoggedEvent, type TaskColumns } from './folded-task.ts';
import type { Session } from './pool.ts';
import type { Ledger } from './verify.ts';
import { statement } from './verify-session.ts';

export type TaskEvent = LoggedEvent & { readonly taskId: string };

export type TaskTotals = {
  readonly ledger: Ledger;
  readonly recordedTwice: number;
  /** Outcomes, submissions with an idempotency key, and tasks with events of a newer release. */
  readonly outcomes: number;
  readonly keyed: number;
  readonly foreign: number;
  readonly counters: ReadonlyMap<string, number>;
};

export type TaskCheck = {
  next(event: TaskEvent): void;
  /** Compares what has finished: to be called often. */
  flush(): Promise<void>;
  end(): Promise<TaskTotals>;
};

const FOLDED_MAX = 100_000;
const COMPARE = 500;

export function createTaskCheck(
  session: Session,
  report: (problem: string) => void,
  foldedMax = FOLDED_MAX,
): TaskCheck {
  const folded = new Map<string, FoldedTask>();
  const finished = new Map<string, FoldedTask>();
  const readAgain = new Set<string>();
  const counters = new Map<string, number>();
  const ledger = { accepted: 0, completed: 0, failed: 0, cancelled: 0, open: 0 };
  const sums = { recordedTwice: 0, outcomes: 0, keyed: 0, foreign: 0 };

  const count = (tenant: string, event: Event) => {
    if (event.type === 'TaskSubmitted' && event.data.idempotencyKey !== null) sums.keyed += 1;
    for (const { key, delta } of countersOf(tenant, [event])) counters.set(key, (counters.get(key) ?? 0) + delta);
  };

  const settle = (task: FoldedTask) => {
    ledger.accepted += 1;
    ledger[columnOf(task.status)] += 1;
    sums.recordedTwice += task.recordedTwice;
    sums.outcomes += task.outcomes - task.recordedTwice;
    sums.foreign += task.isForeign ? 1 : 0;
  };

  const compare = async (tasks: ReadonlyMap<string, FoldedTask>, mayBeOlder: boolean) => {
    const rows = await session.query<TaskColumnsRow>(ROWS, [[...tasks.keys()]]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const [taskId, task] of tasks) {
      const row = byId.get(taskId);
      // Finished here, and goes on later in the log: its next life.
      if (mayBeOlder && row !== undefined && row.version > task.version) readAgain.add(taskId);
      if (mayBeOlder && readAgain.has(taskId)) continue;
      settle(task);
      if (row === undefined) report(`task ${taskId}: it is in the log, its row is not there`);
      else if (!task.isForeign) {
        const columns = differingColumns(task, row);
        if (columns.length > 0) report(`task ${taskId}: its row is not the fold of its events (${columns.join(', ')})`);
      }
    }
  };

  const readStreams = async (taskIds: readonly string[]) => {
    const tasks = new Map<string, FoldedTask>();
    for (const taskId of taskIds) {
      for (let version = 0; ;) {
        const rows = await session.query<LoggedEvent>(STREAM, [`task/${taskId}`, version]);
        for (const event of rows) tasks.set(taskId, foldTask(tasks.get(taskId), event));
        const last = rows.at(-1);
        if (last === undefined) break;
        version = last.version;
      }
    }
    return tasks;
  };

  const flush = async () => {
    for (const tasks of chunks([...finished], COMPARE)) await compare(new Map(tasks), true);
    finished.clear();
  };

  return {
    next({ taskId, ...event }) {
      count(event.tenant, { type: event.type, data: event.data } as Event);
      const before = folded.get(taskId);
      if (before === undefined && event.version > 1) return void readAgain.add(taskId);
      if (event.version !== (before?.version ?? 0) + 1) {
        report(
          `position ${event.position}: version ${event.version} of task ${taskId} follows ${before?.version ?? 0}`,
        );
      }
      const task = foldTask(before, event);
      if (task.finishedAt === null) folded.set(taskId, task);
      else {
        folded.delete(taskId);
        finished.set(taskId, task);
      }
      if (folded.size > foldedMax) {
        const [oldest] = folded.keys();
        folded.delete(oldest as string);
        readAgain.add(oldest as string);
      }
    },
    flush,
    async end() {
      await flush();
      for (const tasks of chunks([...folded], COMPARE)) await compare(new Map(tasks), false);
      for (const taskIds of chunks([...readAgain], COMPARE)) await compare(await readStreams(taskIds), false);
      return { ledger, ...sums, counters };
    },
  };
}

type TaskColumnsRow = Omit<TaskColumns, 'state'> & { readonly id: string; readonly stateText: string };

const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

const ROWS = statement(
  'verify_rows',
  `SELECT t.id, t.tenant, t.agent, t.version, t.status, t.fence, t.priority, t.labels,
          t.submitted_position AS "submittedPosition", t.outcome_position AS "outcomePosition",
          ${micros('t.created_at')} AS "createdAt", ${micros('t.updated_at')} AS "updatedAt",
          ${micros('t.started_at')} AS "startedAt", ${micros('t.finished_at')} AS "finishedAt",
          ${micros('t.wake_at')} AS "wakeAt", ${micros('t.expires_at')} AS "expiresAt", t.state::text AS "stateText"
   FROM unnest($1::uuid[]) AS wanted(id)
   CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = wanted.id LIMIT 1) t`,
);

const STREAM = statement(
  'verify_stream',
  `SELECT position, version, tenant, type, data, ${micros('recorded_at')} AS "recordedAt"
   FROM events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT 50`,
);

function columnOf(status: string): Exclude<keyof Ledger, 'accepted'> {
  return status === 'completed' || status === 'failed' || status === 'cancelled' ? status : 'open';
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
