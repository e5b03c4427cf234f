/**
 * Folds each task from the log and compares it with its row, its outcomes and its key. A task is forgotten once it is compared at its
 * newest version: a finished one at once, the oldest open ones when there are more than FOLDED_MAX. Only an old one that goes on later
 * in the log is read again at the end, from its own stream.
 */
import { countersOf } from '@morningai/core/task-projection';
import { foldTask, type FoldedTask, type LoggedEvent } from './folded-task.ts';
import { foldStreams } from './fold-streams.ts';
import type { Session } from './pool.ts';
import type { Ledger } from './verify.ts';
import { differingColumns, readTaskRows } from './task-rows.ts';
import { statement } from './verify-session.ts';

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
  next(taskId: string, event: LoggedEvent): void;
  /** Compares what has finished, and the oldest of what has not where there is too much of it, while the caller goes on; waits for the comparison before. To be called often. */
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
/** So many of them stay when there are too many: whoever looks for the oldest looks for many at once. */
const KEPT_OF_FULL = 0.75;
const COMPARE = 500;

export function createTaskCheck(session: Session, options: TaskCheckOptions): TaskCheck {
  const { report, onDifferences, foldedMax = FOLDED_MAX } = options;
  const folded = new Map<string, FoldedTask>();
  const finished = new Map<string, FoldedTask>();
  /** Task → the version at which it was settled before it came up again, for its row was as old; 0: it was not settled. */
  const readAgain = new Map<string, number>();
  const counters = new Map<string, number>();
  const ledger = { accepted: 0, completed: 0, failed: 0, cancelled: 0, open: 0 };
  const sums = { recordedTwice: 0, outcomes: 0, keyed: 0, foreign: 0 };

  /** @param sign -1: it turns out that the task goes on, and that what was counted is not its end */
  const settle = (task: FoldedTask, sign: 1 | -1 = 1) => {
    ledger.accepted += sign;
    ledger[columnOf(task.status)] += sign;
    sums.recordedTwice += sign * task.recordedTwice;
    sums.outcomes += sign * task.outcomes.length;
    sums.keyed += task.submission === null ? 0 : sign;
    sums.foreign += task.isForeign ? sign : 0;
    for (const key of countersOf(task.tenant, task.state)) counters.set(key, (counters.get(key) ?? 0) + sign);
  };

  const compare = async (tasks: ReadonlyMap<string, FoldedTask>, mayGoOn: boolean) => {
    const rows = await readTaskRows(session, [...tasks.keys()]);
    const owners = await keyOwners(session, tasks);
    const different: TaskDifference[] = [];
    for (const [taskId, task] of tasks) {
      const row = rows.get(taskId);
      if (mayGoOn && (readAgain.has(taskId) || (row?.version ?? 0) > task.version)) {
        readAgain.set(taskId, 0);
        continue;
      }
      const columns = row === undefined ? [] : differingColumns(task, row);
      if (task.submission !== null && owners.get(taskId) !== task.submission.requestDigest) columns.push('submission');
      if (row !== undefined && (columns.length === 0 || task.isForeign)) settle(task);
      else different.push({ taskId, task, hasRow: row !== undefined, columns: row === undefined ? [] : columns });
    }
    if (different.length > 0) await settleDifferent(different, mayGoOn);
  };

  const settleDifferent = async (different: readonly TaskDifference[], mayGoOn: boolean) => {
    const taskIds = different.map(({ taskId }) => taskId);
    const newest = mayGoOn ? await newestVersions(session, taskIds) : new Map<string, number>();
    const isAtEnd = ({ taskId, task }: TaskDifference) => (newest.get(taskId) ?? 0) <= task.version;
    for (const { taskId } of different.filter((one) => !isAtEnd(one))) readAgain.set(taskId, 0);
    const settled = different.filter(isAtEnd);
    for (const { task } of settled) settle(task);
    if (settled.length > 0) await onDifferences(settled);
  };

  const compareAll = async (tasks: readonly [string, FoldedTask][]) => {
    for (const some of chunks(tasks, COMPARE)) await compare(new Map(some), true);
  };
  let comparing: Promise<void> = Promise.resolve();

  /** The oldest go: most of them are as they will be. */
  const goneOld = () => {
    if (folded.size <= foldedMax) return [];
    const old = [...folded].slice(0, folded.size - Math.floor(foldedMax * KEPT_OF_FULL));
    for (const [taskId] of old) folded.delete(taskId);
    return old;
  };

  const flush = async () => {
    if (finished.size < COMPARE && folded.size <= foldedMax) return;
    await compareFinished();
  };

  const compareFinished = async () => {
    await comparing;
    comparing = compareAll([...finished, ...goneOld()]);
    comparing.catch(() => undefined);
    finished.clear();
  };

  const compareAgain = async (some: ReadonlyMap<string, number>) => {
    const settled = [...some].flatMap(([taskId, version]) => (version > 0 ? [taskId] : []));
    for (const [taskId, task] of await foldStreams(session, settled, some))
      if (task.version === some.get(taskId)) settle(task, -1);
    await compare(await foldStreams(session, [...some.keys()]), false);
  };

  return {
    next(taskId, event) {
      const before = folded.get(taskId) ?? (event.version > 1 ? finished.get(taskId) : undefined);
      if (before === undefined && event.version > 1) {
        if (!readAgain.has(taskId)) readAgain.set(taskId, event.version - 1);
        return;
      }
      if (event.version !== (before?.version ?? 0) + 1) {
        report(
          `position ${event.position}: version ${event.version} of task ${taskId} follows ${before?.version ?? 0}`,
        );
      }
      const task = foldTask(before, event);
      const isOpen = task.finishedAt === null;
      if (before !== undefined && isOpen !== (before.finishedAt === null)) (isOpen ? finished : folded).delete(taskId);
      (isOpen ? folded : finished).set(taskId, task);
    },
    flush,
    async end() {
      await compareFinished();
      await comparing;
      for (const tasks of chunks([...folded], COMPARE)) await compare(new Map(tasks), false);
      for (const some of chunks([...readAgain], COMPARE)) await compareAgain(new Map(some));
      return { ledger, ...sums, counters };
    },
  };
}

/** By the log, for tasks whose rows do not say it. */
async function newestVersions(session: Session, taskIds: readonly string[]): Promise<Map<string, number>> {
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
