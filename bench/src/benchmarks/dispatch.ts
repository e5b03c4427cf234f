import type { Benchmark, BenchmarkOptions, Result, Table } from '../benchmark.ts';
import { startLoad } from '../load-process.ts';
import { CLOCK_AGENT } from '../loads/clock-agent.ts';
import type { SubmitRequest } from '../loads/submit-grpc.ts';
import type { Latency } from '../log-watch.ts';
import { openMeasuredStack } from '../measured-stack.ts';
import { runLatency } from '../read-log.ts';
import { median } from '../statistics.ts';

/** Between two tasks on an idle system. */
const IDLE_PAUSE_MS = 10;
const STEADY_PER_SECOND = 2_500;
const STEADY_SECONDS = 4;

/** `started`: as recorded; `ran`: the agent's code. */
type Latencies = { readonly started: Latency; readonly ran: Latency };
type Round = { readonly idle: Latencies; readonly steady: Latencies };

export const dispatch: Benchmark = {
  name: 'dispatch',
  about: 'accepted → attempt started → the agent’s code runs: idle, and at a steady 2,500 tasks/s',
  tasks: 300,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks, slots } = options;
  await using stack = await openMeasuredStack(options);
  const { watch, pool, urls } = stack;
  using worker = startLoad<object, object>('clock-worker', {
    address: stack.orchestratorAddress,
    apiKey: urls.apiKey,
    slots,
  });
  await worker.ask({});

  const latencies = async (load: SubmitRequest): Promise<Latencies> => {
    const from = await watch.head();
    await Promise.all([stack.submit({ agent: CLOCK_AGENT, ...load }), watch.untilCompleted(from, load.tasks, signal)]);
    return { started: await watch.startLatency(from), ran: await runLatency(pool, from) };
  };

  const rounds: Round[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    signal.throwIfAborted();
    const idle = await latencies({ tasks, pauseMs: IDLE_PAUSE_MS });
    const steady = await latencies({ tasks: STEADY_PER_SECOND * STEADY_SECONDS, perSecond: STEADY_PER_SECOND });
    progress(`${round === 0 ? 'warm-up' : `round ${round}`}: idle ${words(idle)}; steady ${words(steady)}`);
    if (round > 0) rounds.push({ idle, steady });
  }
  const problems = await stack.ledgerProblems();
  return { name: 'dispatch', versions: stack.versions, tables: [tableOf(rounds)], raw: rounds, problems };
}

function tableOf(rounds: readonly Round[]): Table {
  const row = (label: string, pick: (round: Round) => Latency) => [
    label,
    ...(['p50', 'p95', 'max'] as const).map((name) => median(rounds.map((round) => pick(round)[name])).toFixed(1)),
  ];
  const steady = `steady ${STEADY_PER_SECOND.toLocaleString('en')} tasks/s`;
  return {
    head: ['from accepted', 'p50, ms', 'p95, ms', 'max, ms'],
    rows: [
      row('idle, one task at a time → started', ({ idle }) => idle.started),
      row('idle, one task at a time → the code runs', ({ idle }) => idle.ran),
      row(`${steady} → started`, ({ steady }) => steady.started),
      row(`${steady} → the code runs`, ({ steady }) => steady.ran),
    ],
  };
}

function words({ started, ran }: Latencies): string {
  const spread = ({ p50, p95 }: Latency) => `p50 ${p50.toFixed(1)} p95 ${p95.toFixed(1)} ms`;
  return `started ${spread(started)}, ran ${spread(ran)}`;
}
