/**
 * Folds the whole log and sets every other table to what it gives, while work goes on. One snapshot is compared page by page, so memory
 * grows with the open tasks only; what differs is mended in small statements, each of which Postgres checks against the log as it is
 * then (ADR 10). A sound database is only read. Whoever stops half-way leaves tables that are right as far as they were mended.
 */
import { AppError } from '@morningai/core/errors';
import { loggedEvent, type FoldedTask } from './folded-task.ts';
import { healTasks, MENDED_AT_ONCE, mendTasks } from './mend-tasks.ts';
import type { Pool, Session } from './pool.ts';
import { createFindings, type TableDifferences } from './replay-findings.ts';
import { mendCounters, mendOrphans, mendStreams, mendSubmissions } from './replay-rest.ts';
import { foldPages, lastPosition, openReading, parseEvent, statement, taskIdOf } from './verify-session.ts';
import { createTaskCheck, type TaskDifference } from './verify-tasks.ts';

export type ReplayReport = {
  readonly incarnation: string;
  /** The log was folded to here; what was appended since is right by itself. */
  readonly head: number;
  readonly dryRun: boolean;
  readonly tables: TableDifferences;
  /** Tasks with events of a newer release: left as they are. */
  readonly foreign: number;
  /** The first of what was found, in words. */
  readonly examples: readonly string[];
};

export type ReplayProgress = { readonly position: number; readonly head: number };

export type ReplayOptions = {
  readonly signal?: AbortSignal;
  /** Compares only. */
  readonly dryRun?: boolean;
};

/**
 * @param pool must have three connections to spare
 * @throws AppError REPLAY_RUNNING: another one is at it
 */
export async function* replayLog(
  pool: Pool,
  options: ReplayOptions = {},
): AsyncGenerator<ReplayProgress, ReplayReport> {
  const { signal, dryRun = false } = options;
  const turn = await openReading(pool, 'READ COMMITTED');
  let snapshot: Session | undefined;
  try {
    const pid = await takeTurn(turn);
    const rows = (snapshot = await openReading(pool, 'REPEATABLE READ'));
    const { incarnation, head } = await readSnapshotHead(rows);
    const found = createFindings();
    const check = createTaskCheck(rows, {
      report: found.example,
      onDifferences: async (differences) => {
        differences.forEach(found.task);
        if (!dryRun) await mendDifferent(pool, differences);
      },
    });
    // What is visible up to the head stays as it is: it need not be read on the snapshot.
    for await (const page of foldPages(turn, head)) {
      signal?.throwIfAborted();
      for (const text of page) {
        const event = parseEvent(text);
        const taskId = taskIdOf(event.stream);
        if (taskId !== undefined) check.next(taskId, loggedEvent(event, event.recordedAt));
      }
      await check.flush();
      yield { position: lastPosition(page), head };
    }
    const totals = await check.end();
    signal?.throwIfAborted();
    await mendOrphans(rows, totals, found, dryRun ? null : (taskIds) => mendAll(pool, taskIds.map(unknownTask)));
    await mendSubmissions(rows, dryRun ? null : pool, totals, found);
    await mendStreams(rows, dryRun ? null : pool, found);
    await mendCounters(rows, dryRun ? null : pool, { pid, folded: totals.counters }, found);
    const { tables, examples } = found;
    return { incarnation, head, dryRun, tables, foreign: totals.foreign, examples };
  } finally {
    snapshot?.release();
    turn.release();
  }
}

/** True if nothing was found. */
export function isSound({ tables }: Pick<ReplayReport, 'tables'>): boolean {
  return Object.values(tables).every(({ missing, extra, different }) => missing + extra + different === 0);
}

// The lock of replays is held by a transaction, so it is gone with it, and works behind a pooler. It is taken before the snapshot: a replay
// that ends in between would be seen by the lock, and not by the snapshot, and what it has added to the counters would be added again.
const TURN = statement(
  'replay_turn',
  `SELECT pg_backend_pid() AS pid, pg_try_advisory_xact_lock(7233641904616) AS mine`,
);

async function takeTurn(session: Session): Promise<number> {
  const [row] = await session.query<{ pid: number; mine: boolean }>(TURN, []);
  if (row?.mine !== true) throw new AppError('REPLAY_RUNNING', 'another replay of this log is running');
  return row.pid;
}

const HEAD = statement(
  'replay_head',
  `SELECT incarnation, coalesce((SELECT max(last_position) FROM commits), 0) AS head FROM log_identity`,
);

async function readSnapshotHead(session: Session): Promise<{ incarnation: string; head: number }> {
  const [row] = await session.query<{ incarnation: string; head: number }>(HEAD, []);
  if (row === undefined) throw new Error('the database was not migrated');
  return row;
}

/** The fold at hand serves where the log has not gone on since the snapshot; else the task is folded anew. */
async function mendDifferent(pool: Pool, differences: readonly TaskDifference[]): Promise<void> {
  const ours = differences.filter(({ task }) => !task.isForeign).map(({ taskId, task }) => [taskId, task] as const);
  await mendAll(pool, ours);
}

function unknownTask(taskId: string): [string, null] {
  return [taskId, null];
}

async function mendAll(pool: Pool, tasks: readonly (readonly [string, FoldedTask | null])[]): Promise<void> {
  for (let from = 0; from < tasks.length; from += MENDED_AT_ONCE) {
    const some = new Map(tasks.slice(from, from + MENDED_AT_ONCE));
    const settled = await mendTasks(pool, some);
    await healTasks(
      pool,
      [...some.keys()].filter((taskId) => !settled.has(taskId)),
    );
  }
}
