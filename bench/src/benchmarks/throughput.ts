import type { Benchmark, BenchmarkOptions, Result, Table } from '../benchmark.ts';
import { openBenchStack } from '../bench-stack.ts';
import { cpuBetween, cpuSeconds, type CpuSeconds } from '../cpu.ts';
import { startLoad } from '../load-process.ts';
import type { BullmqReply, BullmqRequest } from '../loads/bullmq.ts';
import type { SubmitReply, SubmitRequest } from '../loads/submit-grpc.ts';
import { openLogWatch, type Latency } from '../log-watch.ts';
import { median } from '../statistics.ts';

/** One way of doing the same number of no-op tasks. */
type Contender = 'bullmq' | 'grpc' | 'http';

type Round = {
  readonly perSecond: number;
  /** Tasks accepted per second; for BullMQ: added. */
  readonly acceptedPerSecond: number;
  /** Seconds of CPU per 1,000 tasks, up to the last outcome and, for us, the last event on the feed. */
  readonly cpu: CpuSeconds;
  readonly longestPauseMs?: number;
  readonly extraEvents?: number;
  readonly startLatencyMs?: Latency;
  /** How long after the last outcome JetStream had the last event. */
  readonly feedBehindMs?: number;
  /** Up to then: what could be kept up for ever. */
  readonly sustainedPerSecond: number;
};

/** More than are ever on their way: what is measured is the system and not the wait for a slot. */
const SLOTS = 4_000;

type Rounds = Readonly<Record<Contender, readonly Round[]>>;

export const throughput: Benchmark = {
  name: 'throughput',
  about: 'durable throughput, submit → completed, no-op tasks, ÷ bare BullMQ on the same Redis',
  tasks: 20_000,
  slots: SLOTS,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks } = options;
  await using stack = await openBenchStack(options);
  const { apiKey, databaseUrl, ingestUrl, redisUrl } = stack.urls;
  const address = stack.orchestratorAddress;
  await using watch = await openLogWatch({ databaseUrl, orchestratorAddress: address, apiKey });
  using grpc = startLoad<SubmitRequest, SubmitReply>('submit-grpc', { address, apiKey });
  using http = startLoad<SubmitRequest, SubmitReply>('submit-http', { url: ingestUrl, apiKey });
  using bullmq = startLoad<BullmqRequest, BullmqReply>('bullmq', { url: redisUrl });
  let accepted = 0;

  const cpuOf = async <T>(loader: number, count: number, work: () => Promise<T>): Promise<[T, CpuSeconds]> => {
    const pids = { ...stack.pids(), loader };
    const before = cpuSeconds(pids);
    const result = await work();
    const spent = cpuBetween(before, cpuSeconds(pids));
    return [
      result,
      Object.fromEntries(Object.entries(spent).map(([name, seconds]) => [name, (seconds * 1_000) / count])),
    ];
  };

  const ours = async (load: typeof grpc, count: number): Promise<Round> => {
    const from = await watch.head();
    const work = async () => {
      const [reply, watched] = await Promise.all([
        load.ask({ tasks: count }),
        watch.untilCompleted(from, count, signal),
      ]);
      return { reply, watched, feedBehindMs: await watch.untilPublished(signal) };
    };
    const [{ reply, watched, feedBehindMs }, cpu] = await cpuOf(load.pid, count, work);
    accepted += count;
    const { startedAt, acceptedAt } = reply;
    const { endedAt, longestPauseMs, extraEvents } = watched;
    return {
      perSecond: rate(count, endedAt - startedAt),
      acceptedPerSecond: rate(count, acceptedAt - startedAt),
      cpu,
      longestPauseMs,
      extraEvents,
      feedBehindMs,
      sustainedPerSecond: rate(count, endedAt - startedAt + feedBehindMs),
      startLatencyMs: await watch.startLatency(from),
    };
  };

  const theirs = async (count: number): Promise<Round> => {
    const [{ startedAt, addedAt, endedAt }, cpu] = await cpuOf(bullmq.pid, count, () => bullmq.ask({ jobs: count }));
    const perSecond = rate(count, endedAt - startedAt);
    return { perSecond, sustainedPerSecond: perSecond, acceptedPerSecond: rate(count, addedAt - startedAt), cpu };
  };

  const contenders: Readonly<Record<Contender, (count: number) => Promise<Round>>> = {
    bullmq: theirs,
    grpc: (count) => ours(grpc, count),
    http: (count) => ours(http, count),
  };
  const rounds: Record<Contender, Round[]> = { bullmq: [], grpc: [], http: [] };
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const contender of ['bullmq', 'grpc', 'http'] as const) {
      signal.throwIfAborted();
      const one = await contenders[contender](tasks);
      progress(`${round === 0 ? 'warm-up' : `round ${round}`}: ${contender.padEnd(6)} ${line(one)}`);
      if (round > 0) rounds[contender].push(one);
    }
  }
  progress(`verifying the ledger of ${accepted} tasks`);
  const problems = await stack.ledgerProblems(accepted);
  return {
    name: 'throughput',
    versions: stack.versions,
    tables: [speeds(rounds), cpuTable(rounds)],
    raw: rounds,
    problems,
  };
}

function line({
  perSecond,
  acceptedPerSecond,
  longestPauseMs,
  feedBehindMs,
  startLatencyMs,
  extraEvents,
}: Round): string {
  const speed = `${perSecond.toFixed(0)} tasks/s (accepted ${acceptedPerSecond.toFixed(0)}/s)`;
  if (startLatencyMs === undefined) return speed;
  const { p50, max } = startLatencyMs;
  return (
    `${speed}, started after p50 ${p50.toFixed(0)} max ${max.toFixed(0)} ms, longest pause ${longestPauseMs?.toFixed(0)} ms, ` +
    `feed ${feedBehindMs?.toFixed(0)} ms behind, ${extraEvents} extra events`
  );
}

const LABELS: Readonly<Record<Contender, string>> = {
  bullmq: 'bare BullMQ, add and process overlapped',
  grpc: 'MorningAI, gRPC batches of 500',
  http: 'MorningAI, HTTP, 256 connections',
};

function speeds(rounds: Rounds): Table {
  const rows = (['bullmq', 'grpc', 'http'] as const).map((contender) => {
    const own = rounds[contender];
    // Round by round: the noise of a minute hits both.
    const ratio = (value: (round: Round) => number) => {
      const ratios = own.map((one, round) => value(one) / (rounds.bullmq[round]?.perSecond ?? Number.NaN));
      return `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
    };
    const middle = (value: (round: Round) => number | undefined) => {
      const values = own.map(value).filter((one) => one !== undefined);
      return values.length === 0 ? '–' : median(values).toFixed(0);
    };
    return [
      LABELS[contender],
      middle((round) => round.perSecond),
      ratio((round) => round.perSecond),
      ratio((round) => round.sustainedPerSecond),
      middle((round) => round.acceptedPerSecond),
      middle((round) => round.startLatencyMs?.p50),
      middle((round) => round.longestPauseMs),
      middle((round) => round.feedBehindMs),
    ];
  });
  return {
    head: [
      '',
      'tasks/s',
      '÷ bare BullMQ',
      'the same until the feed has it all',
      'accepted/s',
      'accepted → started p50, ms',
      'longest pause, ms',
      'feed behind, ms',
    ],
    rows,
  };
}

const SHOWN_FROM = 0.001;

function cpuTable(rounds: Rounds): Table {
  const contenders = ['bullmq', 'grpc', 'http'] as const;
  const names = new Set(contenders.flatMap((contender) => rounds[contender].flatMap(({ cpu }) => Object.keys(cpu))));
  const spent = (contender: Contender, name: string) => median(rounds[contender].map(({ cpu }) => cpu[name] ?? 0));
  const rows = [...names]
    .filter((name) => contenders.some((contender) => spent(contender, name) >= SHOWN_FROM))
    .map((name) => [name, ...contenders.map((contender) => spent(contender, name).toFixed(3))]);
  const sums = contenders.map((contender) =>
    median(rounds[contender].map(({ cpu }) => Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0))),
  );
  const ofBullmq = sums.map((sum) => `**${(sum / (sums[0] ?? Number.NaN)).toFixed(2)}**`);
  return {
    head: ['CPU seconds per 1,000 tasks', ...contenders],
    rows: [...rows, ['sum', ...sums.map((sum) => sum.toFixed(3))], ['÷ bare BullMQ', ...ofBullmq]],
  };
}

function rate(count: number, ms: number): number {
  return (count * 1_000) / ms;
}
