import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { openMeasuredStack, type MeasuredStack } from '../measured-stack.ts';
import { sideBySide, type Pair } from '../side-by-side.ts';
import { WAITING } from '../waiting-task.ts';

const PER_ROUND = 10_000;
const BLOCKED_TENANT = 'blocked';

export const blocked: Benchmark = {
  name: 'blocked',
  about: 'throughput behind queued tasks (--tasks) of a tenant that is at its limit ÷ without them',
  tasks: 100_000,
  // Half of them for the tenant at its limit.
  slots: 1_000,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks, slots } = options;
  const limit = Math.floor(slots / 2);
  const serviceEnv = { MAX_RUNNING_PER_TENANT: String(limit) };
  // Two stacks, for what is queued stays queued: they take turns. On both as many of the tenant's tasks run.
  await using free = await openMeasuredStack(options, serviceEnv);
  await using behind = await openMeasuredStack(options, serviceEnv);
  const runToLimit = async (stack: MeasuredStack, more: number) => {
    await stack.submit({ ...WAITING, tenant: BLOCKED_TENANT, tasks: limit + more });
    await stack.watch.untilPublished(signal);
  };
  progress(`one tenant runs ${limit} tasks on both stacks, and has ${tasks} more queued on one of them`);
  await runToLimit(free, 0);
  await runToLimit(behind, tasks);

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
  const problems = [...(await free.ledgerProblems(limit)), ...(await behind.ledgerProblems(limit + tasks))];
  const queued = tasks.toLocaleString('en');
  const table = sideBySide({ normal: 'nothing else queued', other: `behind ${queued} queued tasks` }, rounds);
  return { name: 'blocked', versions: free.versions, tables: [table], raw: rounds, problems };
}
