import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { startLoad } from '../load-process.ts';
import { CLOCK_AGENT } from '../loads/clock-agent.ts';
import { openMeasuredStack, type MeasuredStack } from '../measured-stack.ts';
import { sideBySide, type Pair } from '../side-by-side.ts';

const PER_ROUND = 10_000;

export const noWorker: Benchmark = {
  name: 'no-worker',
  about: 'throughput of one agent behind queued tasks (--tasks) of another that has no worker ÷ without them',
  tasks: 100_000,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks } = options;
  // Two stacks, for what is queued stays queued: they take turns.
  await using free = await openMeasuredStack(options);
  await using behind = await openMeasuredStack(options);
  progress(`an agent without a worker has ${tasks} tasks queued on one of two stacks`);
  await offerOnce(behind);
  await behind.submit({ agent: CLOCK_AGENT, tasks });
  await behind.watch.untilPublished(signal);

  const rounds: Pair[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    signal.throwIfAborted();
    const normal = await free.throughput({ tasks: PER_ROUND });
    const other = await behind.throughput({ tasks: PER_ROUND });
    progress(
      `${round === 0 ? 'warm-up' : `round ${round}`}: normal ${normal.toFixed(0)}, behind ${other.toFixed(0)} tasks/s`,
    );
    if (round > 0) rounds.push({ normal, other });
  }
  progress(`verifying the ledger of ${tasks} open tasks and all others`);
  const problems = [...(await free.ledgerProblems()), ...(await behind.ledgerProblems(tasks))];
  const queued = tasks.toLocaleString('en');
  const table = sideBySide({ normal: 'nothing else queued', other: `behind ${queued} tasks nobody can take` }, rounds);
  return { name: 'no-worker', versions: free.versions, tables: [table], raw: rounds, problems };
}

/** An agent that no worker has ever offered is refused: one comes, and goes. */
async function offerOnce({ orchestratorAddress: address, urls: { apiKey } }: MeasuredStack): Promise<void> {
  using worker = startLoad<object, object>('clock-worker', { address, apiKey, slots: 1 });
  await worker.ask({});
}
