import { setTimeout as delay } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Result, Table } from '../benchmark.ts';
import { dip, goodput, longestGap, type Dip } from '../goodput.ts';
import { nowMs } from '../loads/serve-load.ts';
import { openMeasuredStack, type MeasuredStack } from '../measured-stack.ts';
import { completions, epochAfter, firstClaim } from '../read-log.ts';
import { median } from '../statistics.ts';

/** Each task takes so long, and every slot is to be busy: the pace is what they can do, and a backlog of a second stands before them. */
const TASK_MS = 100;
const CALM_MS = 4_000;
const AWAY_MS = 5_000;
const BACK_MS = 4_000;
const AFTER_FLUSH_MS = 6_000;
/** The load goes on a little beyond the last look. */
const LOAD_S = (CALM_MS + AWAY_MS + BACK_MS + AFTER_FLUSH_MS) / 1_000 + 3;
const BACK_SHARE = 0.9;

type Round = {
  readonly calmGapMs: number;
  readonly killGapMs: number;
  readonly epochMs: number;
  readonly firstClaimMs: number;
  readonly perSecond: number;
  readonly flush: Dip;
};

export const outage: Benchmark = {
  name: 'outage',
  about: 'Redis killed and back empty, then FLUSHALL, under steady load: gaps, first claim, goodput',
  /** Per second: unless asked otherwise, what the slots can do. */
  tasks: 2_500,
  slots: 250,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal } = options;
  await using stack = await openMeasuredStack(options);
  const rounds: Round[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    signal.throwIfAborted();
    const one = await runRound(stack, options);
    progress(`round ${round}: ${words(one)}`);
    rounds.push(one);
  }
  const problems = await stack.ledgerProblems();
  return { name: 'outage', versions: stack.versions, tables: [tableOf(rounds)], raw: rounds, problems };
}

async function runRound(stack: MeasuredStack, { tasks: perSecond, signal }: BenchmarkOptions): Promise<Round> {
  const { watch, redis, pool } = stack;
  const component = stack.component('redis');
  const inputJson = JSON.stringify({ delayMs: TASK_MS });
  await watch.untilLane('queue', signal);
  const from = await watch.head();
  await stack.submit({ tasks: perSecond, inputJson });
  const steady = stack.submit({ tasks: perSecond * LOAD_S, perSecond, inputJson });
  const hurt = async () => {
    await delay(CALM_MS, undefined, { signal });
    const killedAt = nowMs();
    await component.kill();
    await component.wipe();
    await delay(AWAY_MS, undefined, { signal });
    const before = await watch.head();
    const [first] = await Promise.all([redis.untilTickets(signal), component.start()]);
    await delay(BACK_MS, undefined, { signal });
    const flushedAt = nowMs();
    await redis.flushAll();
    return { killedAt, before, first, flushedAt };
  };
  const [{ killedAt, before, first, flushedAt }] = await Promise.all([hurt(), steady]);
  await watch.untilCompleted(from, perSecond * (1 + LOAD_S), signal);

  const times = await completions(pool, from);
  const epoch = await epochAfter(pool, before);
  const claimedAt = await firstClaim(pool, epoch.position, first.taskIds);
  if (claimedAt === null) throw new Error('none of the tickets that were seen was claimed');
  const usual = goodput(times, flushedAt - BACK_MS / 2, flushedAt);
  const wantedPerSecond = BACK_SHARE * usual;
  return {
    calmGapMs: longestGap(times, killedAt - CALM_MS / 2, killedAt - 1),
    killGapMs: longestGap(times, killedAt, first.answeredAt),
    epochMs: epoch.at - first.answeredAt,
    firstClaimMs: claimedAt - first.answeredAt,
    perSecond: usual,
    flush: dip(times, { from: flushedAt, to: flushedAt + AFTER_FLUSH_MS, wantedPerSecond }),
  };
}

function tableOf(rounds: readonly Round[]): Table {
  const row = (label: string, values: readonly number[], digits = 0) => [
    label,
    median(values).toFixed(digits),
    Math.min(...values).toFixed(digits),
    Math.max(...values).toFixed(digits),
  ];
  const of = (pick: (round: Round) => number) => rounds.map(pick);
  return {
    head: ['', 'median', 'least', 'most'],
    rows: [
      row(
        'completed per second, before the FLUSHALL',
        of(({ perSecond }) => perSecond),
      ),
      row(
        'longest gap between completions before the kill, ms',
        of(({ calmGapMs }) => calmGapMs),
      ),
      row(
        'longest gap from the kill until Redis answers again, ms',
        of(({ killGapMs }) => killGapMs),
      ),
      row(
        'Redis answers → epoch in the log, ms',
        of(({ epochMs }) => epochMs),
      ),
      row(
        'Redis answers → first ticket claimed, ms',
        of(({ firstClaimMs }) => firstClaimMs),
      ),
      row(
        'FLUSHALL → goodput at 90 %, s',
        of(({ flush }) => flush.backAfterS ?? Infinity),
        2,
      ),
      row(
        'worst second after the FLUSHALL, % of before',
        of(({ flush, perSecond }) => (100 * flush.lowestPerSecond) / perSecond),
      ),
    ],
  };
}

function words({ perSecond, calmGapMs, killGapMs, epochMs, firstClaimMs, flush }: Round): string {
  return (
    `${perSecond.toFixed(0)} tasks/s; longest gap before the kill ${calmGapMs.toFixed(0)} ms, after it ${killGapMs.toFixed(0)} ms; ` +
    `back: epoch after ${epochMs.toFixed(0)} ms, first claim ${firstClaimMs.toFixed(0)} ms; ` +
    `FLUSHALL: at 90 % after ${flush.backAfterS ?? 'more than 5'} s, worst second ${flush.lowestPerSecond}`
  );
}
