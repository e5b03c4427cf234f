import { setTimeout as delay } from 'node:timers/promises';
import { verifyDatabase } from '@morningai/cli/commands/verify';
import { openPool, type Pool } from '@morningai/log/pool';
import { eventually } from '@morningai/testbed/eventually';
import type { Benchmark, BenchmarkOptions, Result, Table } from '../benchmark.ts';
import { longestGap } from '../goodput.ts';
import { startLoad } from '../load-process.ts';
import { DELAY_AGENT } from '../loads/delay-agent.ts';
import { nowMs } from '../loads/serve-load.ts';
import type { SubmitReply, SubmitRequest } from '../loads/submit-grpc.ts';
import { openOrchestratorPair, type OrchestratorPair, type PairedOrchestrator } from '../orchestrator-pair.ts';
import { attemptsSince, epochAfter, openTasks, type StartedAttempt } from '../read-log.ts';
import { median } from '../statistics.ts';

const TASK_MS = 100;
const CALM_MS = 2_000;
/** Longer than a worker of a frozen orchestrator takes to move on (6 s). */
const AFTER_MS = 8_000;
const FINISH_MS = 60_000;
const FAULTS = [
  { role: 'leader', how: 'killed' },
  { role: 'leader', how: 'frozen' },
  { role: 'follower', how: 'killed' },
  { role: 'follower', how: 'frozen' },
] as const;

type Fault = (typeof FAULTS)[number];
type Round = Fault & {
  readonly calmGapMs: number;
  /** Between two attempts started, of anybody: dispatch as a whole. */
  readonly gapMs: number;
  /** The same, of those that the worker of the other orchestrator was given. */
  readonly otherGapMs: number;
  /** Fault → next epoch in the log; null: none is needed. */
  readonly epochMs: number | null;
  /** Fault → the worker of the hurt orchestrator is given a task again, by the other one; Infinity: not in time. */
  readonly movedMs: number;
};

export const failover: Benchmark = {
  name: 'failover',
  about: 'two orchestrators, one killed or frozen under steady load: longest gap between attempts started',
  /** Per second: more than one worker can do, less than both. */
  tasks: 150,
  slots: 10,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal } = options;
  await using pair = await openOrchestratorPair(options);
  const pool = openPool({ url: pair.testbed.postgres.url, name: 'bench' });
  await using parts = new AsyncDisposableStack();
  parts.defer(() => pool.close());
  const rounds: Round[] = [];
  let accepted = 0;
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const fault of FAULTS) {
      signal.throwIfAborted();
      const { measured, submitted } = await runRound(pair, pool, fault, options);
      accepted += submitted;
      progress(`round ${round}: ${words(measured)}`);
      rounds.push(measured);
    }
  }
  const { ledger, recordedTwice, problems } = await verifyDatabase(pair.testbed.postgres.url, { signal });
  const isWhole = ledger.accepted === accepted && ledger.completed === accepted && recordedTwice === 0;
  return {
    name: 'failover',
    versions: pair.testbed.describe(),
    tables: [tableOf(rounds)],
    raw: rounds,
    problems: isWhole
      ? problems
      : [...problems, `${accepted} were accepted; the ledger says ${JSON.stringify(ledger)}`],
  };
}

async function runRound(
  pair: OrchestratorPair,
  pool: Pool,
  fault: Fault,
  { tasks: perSecond, slots, signal }: BenchmarkOptions,
): Promise<{ measured: Round; submitted: number }> {
  const roles = await pair.byRole();
  const victim = roles[fault.role];
  const other = fault.role === 'leader' ? roles.follower : roles.leader;
  const { apiKey } = pair;
  // A worker each, which knows the other address too.
  using atVictim = startLoad<object, object>('delay-worker', workerAt([victim, other], 'at-victim', { apiKey, slots }));
  using atOther = startLoad<object, object>('delay-worker', workerAt([other, victim], 'at-other', { apiKey, slots }));
  await Promise.all([atVictim.ask({}), atOther.ask({})]);
  using load = startLoad<SubmitRequest, SubmitReply>('submit-grpc', { address: other.address, apiKey });

  const inputJson = JSON.stringify({ delayMs: TASK_MS });
  // The calm begins when all that is to run runs.
  const first = await load.ask({ agent: DELAY_AGENT, tasks: 1, inputJson });
  const wanted = perSecond * ((CALM_MS + AFTER_MS) / 1_000 + 1);
  const submitting = load.ask({ agent: DELAY_AGENT, tasks: wanted, perSecond, inputJson });
  const hurt = async () => {
    await delay(CALM_MS, undefined, { signal });
    const hurtAt = nowMs();
    await (fault.how === 'killed' ? victim.kill() : victim.freeze());
    await delay(AFTER_MS, undefined, { signal });
    return hurtAt;
  };
  const [hurtAt, { accepted, refusal }] = await Promise.all([hurt(), submitting]);
  if (refusal !== null) throw new Error(`tasks were refused: ${refusal}`);
  if (fault.how === 'killed') await victim.restart();
  else victim.thaw();
  const allDone = async () => {
    const open = await openTasks(pool);
    if (open > 0) throw new Error(`${open} tasks are open`);
  };
  await eventually(allDone, { deadlineMs: FINISH_MS, everyMs: 50, signal });

  const started = await attemptsSince(pool, hurtAt - CALM_MS);
  const epoch = fault.role === 'leader' ? await epochAfter(pool, 0, hurtAt) : null;
  return {
    submitted: first.accepted + accepted,
    measured: { ...fault, ...gapsOf(started, hurtAt), epochMs: epoch && epoch.at - hurtAt },
  };
}

function gapsOf(started: readonly StartedAttempt[], hurtAt: number) {
  const until = hurtAt + AFTER_MS;
  const times = started.map(({ at }) => at);
  const ofOther = started.filter(({ worker }) => worker === 'at-other').map(({ at }) => at);
  const moved = started.find(({ worker, at }) => worker === 'at-victim' && at > hurtAt + TASK_MS);
  return {
    calmGapMs: longestGap(times, hurtAt - CALM_MS / 2, hurtAt - 1),
    gapMs: longestGap(times, hurtAt, until),
    otherGapMs: longestGap(ofOther, hurtAt, until),
    movedMs: moved === undefined || moved.at > until ? Infinity : moved.at - hurtAt,
  };
}

function workerAt(
  orchestrators: readonly PairedOrchestrator[],
  workerId: string,
  rest: { readonly apiKey: string; readonly slots: number },
) {
  return { addresses: orchestrators.map(({ address }) => address), workerId, ...rest };
}

function tableOf(rounds: readonly Round[]): Table {
  const row = ({ role, how }: Fault) => {
    const same = rounds.filter((one) => one.role === role && one.how === how);
    const cell = (pick: (round: Round) => number | null) => {
      const values = same.map(pick).filter((value) => value !== null);
      if (values.length === 0) return '–';
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return `${median(values).toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)})`;
    };
    return [
      `the ${role} is ${how}`,
      cell(({ calmGapMs }) => calmGapMs),
      cell(({ gapMs }) => gapMs),
      cell(({ otherGapMs }) => otherGapMs),
      cell(({ epochMs }) => epochMs),
      cell(({ movedMs }) => movedMs),
    ];
  };
  return {
    head: [
      'median (least–most), ms',
      'longest gap between attempts started, before',
      'the same, after',
      'of the other one’s worker alone',
      'until the next epoch',
      'until its worker works for the other one',
    ],
    rows: FAULTS.map(row),
  };
}

function words({ role, how, calmGapMs, gapMs, otherGapMs, epochMs, movedMs }: Round): string {
  return (
    `${role} ${how}: longest gap between attempts started ${gapMs.toFixed(0)} ms (before: ${calmGapMs.toFixed(0)}), ` +
    `of the other's worker ${otherGapMs.toFixed(0)} ms; next epoch ${epochMs?.toFixed(0) ?? '–'} ms; its worker moved on after ${movedMs.toFixed(0)} ms`
  );
}
