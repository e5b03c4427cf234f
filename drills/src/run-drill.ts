/** Load → fault → heal → settle → check. The same for every drill. */
import { DEFAULTS } from '@morningai/core/limits';
import { verifyLog } from '@morningai/log/verify';
import { eventually } from '@morningai/testbed/eventually';
import { check, type Ledger } from './check.ts';
import type { Drill, Mark, Stage } from './drill.ts';
import type { DrillStack } from './drill-stack.ts';
import { healComponents } from './heal-components.ts';
import { startLoad, type Book } from './load.ts';
import { createRandom } from './random.ts';
import { headOf, openTasks, readTaskEvents } from './read-log.ts';

export type DrillOptions = {
  readonly tasks: number;
  readonly pauseMs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
};

export type DrillReport = {
  readonly drill: Drill;
  readonly ledger: Ledger;
  readonly setbacks: Readonly<Record<string, number>>;
  readonly slowestAcceptMs: number;
  /** When the fault began, ms since 1970. */
  readonly faultAtMs: number;
  readonly faultMs: number;
  /** From the end of the fault and the load until no task was open. */
  readonly settledMs: number;
  readonly marks: readonly Mark[];
  readonly notes: readonly string[];
  /** Empty: it holds. */
  readonly violations: readonly string[];
};

const SETTLE_MS = 30_000;

export async function runDrill(drill: Drill, stack: DrillStack, options: DrillOptions): Promise<DrillReport> {
  const { tasks, pauseMs, seed, signal } = options;
  const random = createRandom(seed);
  const marks: Mark[] = [];
  const notes: string[] = [];
  const violations: string[] = [];
  const from = await headOf(stack.pool);
  const prefix = `${drill.name}-${from}-`;
  const { ingestUrl, apiKey } = stack.urls;
  const load = startLoad({ ingestUrl, apiKey, prefix, tasks, random, signal });
  const stage: Stage = {
    stack,
    load,
    tasks,
    pauseMs,
    random,
    signal,
    mark: (mark) => void marks.push(mark),
    note: (text) => void notes.push(text),
    violated: (text) => void violations.push(text),
  };

  await load.untilAccepted(Math.ceil(tasks / 4));
  const acceptedBefore = load.accepted;
  const faultAtMs = Date.now();
  // However it ends, and also at Ctrl-C: nothing stays hurt.
  try {
    await drill.run(stage);
  } finally {
    await healComponents(stack);
  }
  const faultMs = Date.now() - faultAtMs;
  const acceptedDuring = load.accepted - acceptedBefore;
  await load.untilAccepted(Math.ceil(tasks / 10));
  await load.finish();
  const settledMs = await settle(stack, { prefix, signal }, violations);

  const { ledger, violations: found } = check(load.book, await readTaskEvents(stack.pool, from));
  const { problems } = await verifyLog(stack.pool, { signal });
  const unmarked = marks.filter(({ left }) => !left).map(({ what }) => `the fault left no mark: ${what}`);
  return {
    drill,
    ledger,
    setbacks: Object.fromEntries(load.book.setbacks),
    slowestAcceptMs: Math.round(load.book.slowestAcceptMs),
    faultAtMs,
    faultMs,
    settledMs,
    marks,
    notes,
    violations: [
      ...violations,
      ...found,
      ...problems,
      ...unmarked,
      ...(marks.length === 0 ? ['the fault left no mark'] : []),
      ...(acceptedDuring === 0 && drill.accepts === 'every' ? ['nothing was accepted during the fault'] : []),
      ...expiries(drill, ledger),
      ...refusals(drill, load.book),
    ],
  };
}

function refusals(drill: Drill, book: Book): string[] {
  if (drill.accepts === 'again') return [];
  return [...book.setbacks].map(([code, times]) => `${times} × ${code}: every request should have been accepted`);
}

/** Where all stood still for a whole lease, on a machine that is too busy or because nobody was there, nothing could be renewed. */
function expiries(drill: Drill, { expiredAttempts, longestSilenceMs }: Ledger): string[] {
  const isExplained = drill.workers === 'hurt' || longestSilenceMs >= DEFAULTS.leaseMs;
  return expiredAttempts === 0 || isExplained ? [] : [`${expiredAttempts} attempts of healthy workers expired`];
}

async function settle(
  stack: DrillStack,
  { prefix, signal }: { prefix: string; signal: AbortSignal },
  violations: string[],
): Promise<number> {
  const startedAt = performance.now();
  try {
    const settled = async () => {
      const open = await openTasks(stack.pool, prefix);
      if (open > 0) throw new Error(`${open} tasks are still open ${SETTLE_MS / 1_000} s after the fault was healed`);
    };
    await eventually(settled, { deadlineMs: SETTLE_MS, everyMs: 50, signal });
  } catch (error) {
    signal.throwIfAborted();
    violations.push((error as Error).message);
  }
  return Math.round(performance.now() - startedAt);
}
