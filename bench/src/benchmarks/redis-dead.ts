import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { openMeasuredStack } from '../measured-stack.ts';
import { sideBySide, type Pair } from '../side-by-side.ts';

export const redisDead: Benchmark = {
  name: 'redis-dead',
  about: 'durable throughput with Redis dead ÷ with Redis alive, in turns on one stack',
  tasks: 20_000,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks } = options;
  await using stack = await openMeasuredStack(options);
  const { watch } = stack;
  const redis = stack.component('redis');

  const rounds: Pair[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    signal.throwIfAborted();
    await watch.untilLane('queue', signal);
    const normal = await stack.throughput({ tasks });
    await redis.kill();
    await watch.untilLane('log', signal);
    const other = await stack.throughput({ tasks });
    await redis.start();
    progress(
      `${round === 0 ? 'warm-up' : `round ${round}`}: alive ${normal.toFixed(0)}, dead ${other.toFixed(0)} tasks/s`,
    );
    if (round > 0) rounds.push({ normal, other });
  }
  const problems = await stack.ledgerProblems();
  const table = sideBySide({ normal: 'Redis alive (queue lane)', other: 'Redis dead (log lane)' }, rounds);
  return { name: 'redis-dead', versions: stack.versions, tables: [table], raw: rounds, problems };
}
