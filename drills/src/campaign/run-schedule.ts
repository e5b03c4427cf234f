/** One schedule: load and faults beside each other, heal, settle, evidence, verdict. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { verifyLog, type Anchor } from '@morningai/log/verify';
import { eventually } from '@morningai/testbed/eventually';
import type { DrillHosts } from '../drill-hosts.ts';
import type { DrillStack } from '../drill-stack.ts';
import { healComponents } from '../heal-components.ts';
import { operationsOf } from '../history/operations.ts';
import { openRecorder, type Recorder } from '../history/recorder.ts';
import { INVARIANTS } from '../invariants/catalog.ts';
import type { Evidence, Excuse } from '../invariants/evidence.ts';
import type { Call } from '../outside-world.ts';
import { headOf, openTasks } from '../read-log.ts';
import { runWorkload } from '../workload/run-workload.ts';
import { watchHealth } from '../workload/watch-health.ts';
import type { Schedule } from './draw-schedule.ts';
import { emptyPass } from './gates.ts';
import { gatherEvidence, readFacts } from './gather-evidence.ts';
import { runFaults, type MadeFault } from './run-faults.ts';
import { watchLag } from './watch-lag.ts';
import { countsOf, type Counts } from './schedule-counts.ts';

export type ScheduleReport = {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly tookMs: number;
  /** From the last heal and the end of the load until no task was open. */
  readonly settledMs: number;
  /** What the machine took for other things meanwhile. */
  readonly lostMs: number;
  readonly counts: Counts;
  /** Invariant → how many things it could have found wrong. */
  readonly checked: Readonly<Record<string, number>>;
  readonly violations: readonly { readonly invariant: string; readonly text: string }[];
  /** Why its silence would mean nothing. */
  readonly emptyPass: readonly string[];
};

export type ScheduleParts = {
  readonly stack: DrillStack;
  readonly hosts: DrillHosts;
  /** For histories; undefined: they are not kept. */
  readonly folder: string | undefined;
  readonly signal: AbortSignal;
};

const SETTLE_MS = 30_000;
const SETTLE_EVERY_MS = 50;
/** After a fault that hurts workers: the longest lease (10 s), and what it takes to notice. */
const EXPIRES_WITHIN_MS = 20_000;
/** Half of the shortest lease. */
const LOST_MAX_MS = 2_500;

export async function runSchedule(schedule: Schedule, parts: ScheduleParts): Promise<ScheduleReport> {
  const { stack, hosts, folder, signal } = parts;
  const startedAt = performance.now();
  const { seed, faults } = schedule;
  const { head: from, chain } = await verifyLog(stack.pool, { signal });
  const run = `random-${from}-${seed}`;
  const prefix = `${run}-`;
  await using recorder = await openRecorder({ run, seed, path: folder && join(folder, `${seed}.jsonl`) });
  const world = listen(hosts, recorder);
  using lag = watchLag();

  const { made, earlier } = await underLoad(schedule, { ...parts, recorder, prefix, from });
  const settling = performance.now();
  await settle(stack, prefix, signal);
  const settledMs = Math.round(performance.now() - settling);
  const anchor: Anchor = { head: from, chain };
  const evidence = await gatherEvidence({
    stack,
    prefix,
    from,
    anchor,
    earlier,
    operations: operationsOf(recorder.records),
    healedAtMs: Math.max(...made.map(({ clock }) => clock.toMs)),
    excuses: excusesOf(schedule, made, lag.lostMs),
    lostMs: lag.lostMs,
    signal,
  });
  return {
    seed,
    faults: faults.map(({ nemesis, atMs, forMs }) => `${nemesis.name} at ${atMs} ms for ${forMs} ms`),
    tookMs: Math.round(performance.now() - startedAt),
    settledMs,
    lostMs: lag.lostMs,
    ...judge(schedule, made, evidence, world),
  };
}

function judge(schedule: Schedule, made: readonly MadeFault[], evidence: Evidence, world: World) {
  const verdicts = INVARIANTS.map((invariant) => ({ invariant, verdict: invariant.check(evidence) }));
  const { operations } = evidence;
  return {
    counts: countsOf(evidence, world),
    checked: Object.fromEntries(verdicts.map(({ invariant, verdict }) => [invariant.name, verdict.checked])),
    violations: verdicts.flatMap(({ invariant, verdict }) =>
      verdict.violations.map((text) => ({ invariant: invariant.name, text })),
    ),
    emptyPass: emptyPass({ planned: schedule.faults, made, operations, fenced: world.fenced, verdicts }),
  };
}

type LoadParts = ScheduleParts & { readonly recorder: Recorder; readonly prefix: string; readonly from: number };

/** Resolves when the callers have done and every fault is healed. */
async function underLoad(schedule: Schedule, parts: LoadParts) {
  const { stack, recorder, prefix, from, signal } = parts;
  // What one of them throws ends the others: nothing goes on behind the back of a schedule that failed.
  const abort = new AbortController();
  const all = AbortSignal.any([signal, abort.signal]);
  const watching = watchHealth(stack.urls.healthUrl, recorder, abort.signal);
  const load = runWorkload(schedule.callers, { api: stack.urls, recorder, prefix, signal: all });
  const faults = runFaults(schedule.faults, { ...parts, signal: all });
  const stopOnFailure = (error: unknown) => {
    abort.abort();
    throw error;
  };
  try {
    const [made] = await Promise.all([faults.catch(stopOnFailure), load.catch(stopOnFailure)]);
    return { made, earlier: await readFacts(stack, from, await headOf(stack.pool)) };
  } finally {
    abort.abort();
    await Promise.allSettled([faults, load, watching]);
    await healComponents(stack);
  }
}

/** Until no task is open, or for as long as a promise is. What is open then, the evidence says. */
async function settle(stack: DrillStack, prefix: string, signal: AbortSignal): Promise<void> {
  const isSettled = async () => {
    const open = await openTasks(stack.pool, prefix);
    if (open > 0) throw new Error(`${open} tasks are open`);
  };
  await eventually(isSettled, { deadlineMs: SETTLE_MS, everyMs: SETTLE_EVERY_MS, signal }).catch(() =>
    signal.throwIfAborted(),
  );
  // The last answers are on their way to workers.
  await delay(SETTLE_EVERY_MS, undefined, { signal });
}

export type World = {
  /** Attempts that were told that their claim is lost. */
  readonly fenced: number;
  /** Effect key → how often it was had. */
  readonly effects: ReadonlyMap<string, number>;
};

/** What workers tell the outside world goes into the history: an effect, and that its record was acknowledged. */
function listen(hosts: DrillHosts, recorder: Recorder): World {
  const world = { fenced: 0, effects: new Map<string, number>() };
  const under = new Map<string, string>();
  hosts.listen(({ kind, task, attempt, what, worker }: Call) => {
    const proc = `${worker} ${task} ${attempt}`;
    if (kind === 'effect') {
      world.effects.set(what, (world.effects.get(what) ?? 0) + 1);
      under.set(proc, what);
      return recorder.record(proc, 'step', what, 'invoke', { task, fence: attempt, worker });
    }
    if (what === 'fenced') world.fenced += 1;
    const key = under.get(proc);
    if (key === undefined || (what !== 'after' && what !== 'fenced')) return undefined;
    under.delete(proc);
    return what === 'after'
      ? recorder.record(proc, 'step', key, 'ok')
      : recorder.record(proc, 'step', key, 'fail', { code: 'FENCED' });
  });
  return world;
}

function excusesOf({ faults }: Schedule, made: readonly MadeFault[], lostMs: number): readonly Excuse[] {
  // Where all stood still for so long, heartbeats were not sent.
  if (lostMs > LOST_MAX_MS) return [{ fromMs: -Infinity, toMs: Infinity }];
  const hurting = new Set(faults.filter(({ nemesis }) => nemesis.mayExpire).map(({ nemesis }) => nemesis.name));
  return made
    .filter(({ nemesis }) => hurting.has(nemesis))
    .map(({ clock }) => ({ fromMs: clock.fromMs, toMs: clock.toMs + EXPIRES_WITHIN_MS }));
}
