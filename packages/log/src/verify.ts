/**
 * Proves the log from itself, on one snapshot and in one pass: dense positions, digests, chain; every other table equals the fold
 * of the events; accepted = completed + failed + cancelled + open. Memory grows with the open tasks only.
 */
import { createChainCheck, type Anchor } from './verify-chain.ts';
import type { Pool, Session } from './pool.ts';
import {
  commitPages,
  eventPages,
  lastPosition,
  openSnapshot,
  parseEvent,
  statement,
  taskIdOf,
  type Snapshot,
} from './verify-session.ts';
import { loggedEvent } from './folded-task.ts';
import { createTaskCheck, type TaskDifference, type TaskTotals } from './verify-tasks.ts';

export type { Anchor };

export type Ledger = {
  readonly accepted: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly open: number;
};

export type VerifyReport = {
  readonly incarnation: string;
  readonly head: number;
  /** The newest chain digest, hex: anchor it outside, and a cut-off tail becomes visible. */
  readonly chain: string;
  readonly ledger: Ledger;
  /** Outcomes beyond the first of a task's life: must be 0. */
  readonly recordedTwice: number;
  /** Tasks with events of a newer release: their rows were not compared. */
  readonly foreign: number;
  /** What is wrong, in words, the first 100; empty: the log holds. */
  readonly problems: readonly string[];
};

export type VerifyOptions = {
  readonly signal?: AbortSignal;
  /** Told of the position reached, page by page. */
  readonly progress?: (position: number, head: number) => void;
  /** What an earlier run gave, kept outside: the log must still contain it. */
  readonly anchor?: Anchor;
};

const PROBLEMS_MAX = 100;

/** @param pool must have two connections to spare */
export async function verifyLog(pool: Pool, options: VerifyOptions = {}): Promise<VerifyReport> {
  const snapshot = await openSnapshot(pool);
  const problems: string[] = [];
  const report = (problem: string) => void (problems.length < PROBLEMS_MAX && problems.push(problem));
  try {
    const [identity] = await snapshot.events.query<{ incarnation: string; head: number }>(IDENTITY, []);
    if (identity === undefined) throw new Error('the database was not migrated');
    const { incarnation, head } = identity;
    const { chain, tasks, others } = await readLog(snapshot, head, report, options);
    await checkRest(snapshot.rows, tasks, others, report);
    const { ledger, recordedTwice, foreign } = tasks;
    return { incarnation, head, chain, ledger, recordedTwice, foreign, problems };
  } finally {
    snapshot.release();
  }
}

type Report = (problem: string) => void;

/** Streams that are not tasks: how many, and how many events they have. */
type OtherStreams = { streams: number; events: number };

async function readLog(snapshot: Snapshot, head: number, report: Report, options: VerifyOptions) {
  const chainCheck = createChainCheck(report, options.anchor);
  const taskCheck = createTaskCheck(snapshot.rows, {
    report,
    onDifferences: (differences) => differences.forEach((difference) => report(inWords(difference))),
  });
  const others: OtherStreams = { streams: 0, events: 0 };
  const commits = commitPages(snapshot.events);
  let committed = 0;
  for await (const page of eventPages(snapshot.events)) {
    options.signal?.throwIfAborted();
    const position = lastPosition(page);
    while (committed < position) {
      const { value } = await commits.next();
      chainCheck.expect(value ?? []);
      committed = value?.at(-1)?.last ?? Infinity;
    }
    for (const text of page) {
      const event = parseEvent(text);
      const recordedAt = chainCheck.next(event);
      const taskId = taskIdOf(event.stream);
      if (taskId !== undefined) taskCheck.next(taskId, loggedEvent(event, recordedAt));
      else {
        others.events += 1;
        if (event.version === 1) others.streams += 1;
      }
    }
    await taskCheck.flush();
    options.progress?.(position, head);
  }
  for await (const rest of commits) chainCheck.expect(rest);
  const { chain } = chainCheck.end(head);
  const tasks = await taskCheck.end();
  return { chain, tasks, others };
}

/** What is wrong with a task's tables. */
export function inWords({ taskId, hasRow, columns }: TaskDifference): string {
  if (!hasRow) return `task ${taskId}: it is in the log, its row is not there`;
  return `task ${taskId}: its row is not the fold of its events (${columns.join(', ')})`;
}

async function checkRest(session: Session, tasks: TaskTotals, others: OtherStreams, report: Report): Promise<void> {
  const [has] = await session.query<Counts>(COUNTS, []);
  if (has === undefined) throw new Error('no counts');
  const { accepted } = tasks.ledger;
  const differ = (what: string, stored: number, folded: number) =>
    stored === folded || report(`${what}: ${stored} in the database, ${folded} by the log`);
  differ('tasks', has.tasks, accepted);
  differ('rows of outcomes', has.outcomes, tasks.outcomes);
  differ('rows of submissions', has.submissions, tasks.keyed);
  differ('streams', has.streams, others.streams);
  differ('versions of streams', has.versions, others.events);
  const counters = await session.query<{ key: string; value: number }>(COUNTERS, []);
  const stored = new Map(counters.map((row) => [row.key, row.value]));
  for (const key of new Set([...stored.keys(), ...tasks.counters.keys()])) {
    differ(`counter ${key}`, stored.get(key) ?? 0, tasks.counters.get(key) ?? 0);
  }
}

const IDENTITY = statement(
  'verify_identity',
  `SELECT incarnation, coalesce((SELECT max(last_position) FROM commits), 0) AS head FROM log_identity`,
);

type Counts = { tasks: number; outcomes: number; submissions: number; streams: number; versions: number };

const COUNTS = statement(
  'verify_counts',
  `SELECT (SELECT count(*) FROM tasks) AS tasks, (SELECT count(*) FROM outcomes) AS outcomes,
          (SELECT count(*) FROM submissions) AS submissions, (SELECT count(*) FROM streams) AS streams,
          (SELECT coalesce(sum(version), 0)::bigint FROM streams) AS versions`,
);

const COUNTERS = statement('verify_counters', 'SELECT key, value FROM counters');
