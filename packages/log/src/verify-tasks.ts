/**
 * Folds each task from the log and compares it with its row, its outcomes and its key. Tasks are forgotten once they are finished and
 * compared, so memory holds the open ones only, and of those at most FOLDED_MAX; the rest are read again at the end, stream by stream.
 */
import { countersOf } from '@morningai/core/task-projection';
import { differingColumns, foldTask, type FoldedTask, type LoggedEvent, type TaskColumns } from './folded-task.ts';
import { foldStreams } from './fold-streams.ts';
import type { Session } from './pool.ts';
import type { Ledger } from './verify.ts';
import { statement } from './verify-session.ts';

export type TaskEvent = LoggedEvent & { readonly taskId: string };

/** A task whose tables are not what the log gives. */
export type TaskDifference = {
  readonly taskId: string;
  readonly task: FoldedTask;
  /** False: its row is not there. */
  readonly hasRow: boolean;
  /** Columns of the row; beside them `outcomes` and `submission`, for the rows of those tables. */
  readonly columns: readonly string[];
};

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
  /** Compares what has finished, while the caller goes on; waits for the comparison before. To be called often. */
  flush(): Promise<void>;
  end(): Promise<TaskTotals>;
};

export type TaskCheckOptions = {
  /** Told of versions that do not follow each other. */
  readonly report: (problem: string) => void;
  /** Told of the differences of at most COMPARE tasks at once. */
  readonly onDifferences: (differences: readonly TaskDifference[]) => void | Promise<void>;
  readonly foldedMax?: number;
};

const FOLDED_MAX = 100_000;
const COMPARE = 500;

export function createTaskCheck(session: Session, options: TaskCheckOptions): TaskCheck {
  const { report, onDifferences, foldedMax = FOLDED_MAX } = options;
  const folded = new Map<string, FoldedTask>();
  const finished = new Map<string, FoldedTask>();
  const readAgain = new Set<string>();
  const counters = new Map<string, number>();
  const ledger = { accepted: 0, completed: 0, failed: 0, cancelled: 0, open: 0 };
  const sums = { recordedTwice: 0, outcomes: 0, keyed: 0, foreign: 0 };

  const settle = (task: FoldedTask) => {
    ledger.accepted += 1;
    ledger[columnOf(task.status)] += 1;
    sums.recordedTwice += task.recordedTwice;
    sums.outcomes += task.outcomes.length;
    sums.keyed += task.submission === null ? 0 : 1;
    sums.foreign += task.isForeign ? 1 : 0;
    for (const key of countersOf(task.tenant, task.state)) counters.set(key, (counters.get(key) ?? 0) + 1);
  };

  const compare = async (tasks: ReadonlyMap<string, FoldedTask>, mayBeOlder: boolean) => {
    const rows = await session.query<TaskColumnsRow>(ROWS, [[...tasks.keys()]]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const owners = await keyOwners(session, tasks);
    const missing = [...tasks.keys()].filter((taskId) => !byId.has(taskId));
    const newest = mayBeOlder ? await newestVersions(session, missing) : new Map<string, number>();
    const differences: TaskDifference[] = [];
    for (const [taskId, task] of tasks) {
      const row = byId.get(taskId);
      // Finished here, and goes on later in the log: its next life.
      if (mayBeOlder && (row?.version ?? newest.get(taskId) ?? 0) > task.version) readAgain.add(taskId);
      if (mayBeOlder && readAgain.has(taskId)) continue;
      settle(task);
      if (row === undefined) {
        differences.push({ taskId, task, hasRow: false, columns: [] });
        continue;
      }
      if (task.isForeign) continue;
      const columns = differingColumns(task, row);
      if ((row.outcomes ?? '') !== outcomesText(task)) columns.push('outcomes');
      if (task.submission !== null && owners.get(taskId) !== task.submission.requestDigest) columns.push('submission');
      if (columns.length > 0) differences.push({ taskId, task, hasRow: true, columns });
    }
    if (differences.length > 0) await onDifferences(differences);
  };

  const compareAll = async (tasks: readonly [string, FoldedTask][]) => {
    for (const some of chunks(tasks, COMPARE)) await compare(new Map(some), true);
  };
  let comparing: Promise<void> = Promise.resolve();

  const flush = async () => {
    await comparing;
    comparing = compareAll([...finished]);
    comparing.catch(() => undefined);
    finished.clear();
  };

  return {
    next({ taskId, ...event }) {
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
      await comparing;
      for (const tasks of chunks([...folded], COMPARE)) await compare(new Map(tasks), false);
      for (const taskIds of chunks([...readAgain], COMPARE)) await compare(await foldStreams(session, taskIds), false);
      return { ledger, ...sums, counters };
    },
  };
}

/** By the log, for tasks whose rows do not say it. */
async function newestVersions(session: Session, taskIds: readonly string[]): Promise<Map<string, number>> {
  if (taskIds.length === 0) return new Map();
  const rows = await session.query<{ id: string; version: number }>(NEWEST, [taskIds]);
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** Task → the request digest that is stored for its key; absent where the key is not there or is another task's. */
async function keyOwners(session: Session, tasks: ReadonlyMap<string, FoldedTask>): Promise<Map<string, string>> {
  const keyed = [...tasks].flatMap(([taskId, { tenant, submission }]) =>
    submission === null ? [] : [{ taskId, tenant, key: submission.key }],
  );
  if (keyed.length === 0) return new Map();
  const rows = await session.query<{ taskId: string; requestDigest: string }>(KEYS, [
    keyed.map(({ taskId }) => taskId),
    keyed.map(({ tenant }) => tenant),
    keyed.map(({ key }) => key),
  ]);
  return new Map(rows.map(({ taskId, requestDigest }) => [taskId, requestDigest]));
}

function outcomesText({ outcomes }: FoldedTask): string {
  return outcomes.map(({ life, position }) => `${life}:${position}`).join(' ');
}

type TaskColumnsRow = Omit<TaskColumns, 'state'> & {
  readonly id: string;
  readonly stateText: string;
  readonly outcomes: string | null;
};

const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

const ROWS = statement(
  'verify_rows',
  `SELECT t.id, t.tenant, t.agent, t.version, t.status, t.fence, t.priority, t.labels,
          t.submitted_position AS "submittedPosition", t.outcome_position AS "outcomePosition",
          ${micros('t.created_at')} AS "createdAt", ${micros('t.updated_at')} AS "updatedAt",
          ${micros('t.started_at')} AS "startedAt", ${micros('t.finished_at')} AS "finishedAt",
          ${micros('t.wake_at')} AS "wakeAt", ${micros('t.expires_at')} AS "expiresAt", t.state::text AS "stateText",
          (SELECT string_agg(o.life || ':' || o.position, ' ' ORDER BY o.life) FROM outcomes o WHERE o.task_id = t.id) AS outcomes
   FROM unnest($1::uuid[]) AS wanted(id)
   CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = wanted.id LIMIT 1) t`,
);

const NEWEST = statement(
  'verify_newest',
  `SELECT w.id, (SELECT e.version FROM events e WHERE e.stream = 'task/' || w.id ORDER BY e.version DESC LIMIT 1) AS version
   FROM unnest($1::uuid[]) AS w(id)`,
);

const KEYS = statement(
  'verify_keys',
  `SELECT s.task_id AS "taskId", s.request_digest AS "requestDigest"
   FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted(task, tenant, key)
   CROSS JOIN LATERAL (
     SELECT * FROM submissions s WHERE s.tenant = wanted.tenant AND s.idempotency_key = wanted.key LIMIT 1
   ) s
   WHERE s.task_id = wanted.task`,
);

function columnOf(status: string): Exclude<keyof Ledger, 'accepted'> {
  return status === 'completed' || status === 'failed' || status === 'cancelled' ? status : 'open';
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
