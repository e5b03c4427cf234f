import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { openBenchStack } from '../bench-stack.ts';
import { startLoad } from '../load-process.ts';
import type { AcceptReply, AcceptRequest } from '../loads/accept-one.ts';
import { openLogWatch } from '../log-watch.ts';
import { median, percentile } from '../statistics.ts';

/** So few before the other has its turn that the noise of a second hits both. */
const TURN = 50;

type Round = { readonly accept: readonly number[]; readonly insert: readonly number[] };

export const accept: Benchmark = {
  name: 'accept',
  about: 'latency of accepting one task over HTTP, one client, ÷ a bare one-row commit on the same Postgres',
  tasks: 1_000,
  run: measure,
};

async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, signal, tasks } = options;
  await using stack = await openBenchStack(options);
  const { apiKey, databaseUrl, ingestUrl } = stack.urls;
  await using watch = await openLogWatch({ databaseUrl, orchestratorAddress: stack.orchestratorAddress, apiKey });
  using accepting = startLoad<AcceptRequest, AcceptReply>('accept-one', { url: ingestUrl, apiKey });
  using inserting = startLoad<AcceptRequest, AcceptReply>('insert-one', { url: databaseUrl });
  let accepted = 0;

  const turn = async (count: number): Promise<Round> => {
    const from = await watch.head();
    const { latenciesMs: accept } = await accepting.ask({ tasks: count });
    accepted += count;
    // The tasks' own work must not slow the inserts down.
    await watch.untilCompleted(from, count, signal);
    await watch.untilPublished(signal);
    const { latenciesMs: insert } = await inserting.ask({ tasks: count });
    return { accept, insert };
  };

  const rounds: Round[] = [];
  for (let round = 0; round <= options.rounds; round += 1) {
    const turns: Round[] = [];
    for (let left = tasks; left > 0; left -= TURN) {
      signal.throwIfAborted();
      turns.push(await turn(Math.min(TURN, left)));
    }
    const one = { accept: turns.flatMap(({ accept }) => accept), insert: turns.flatMap(({ insert }) => insert) };
    progress(
      `${round === 0 ? 'warm-up' : `round ${round}`}: accept ${spread(one.accept)}, bare commit ${spread(one.insert)}`,
    );
    if (round > 0) rounds.push(one);
  }
  const problems = await stack.ledgerProblems(accepted);
  return { name: 'accept', versions: stack.versions, tables: [tableOf(rounds)], raw: rounds.map(summary), problems };
}

function tableOf(rounds: readonly Round[]) {
  const row = (label: string, pick: (round: Round) => readonly number[]) => {
    const cells = [0.5, 0.95].flatMap((share) => {
      const values = rounds.map((round) => percentile(pick(round), share));
      // Both are divided by the p50 of the bare commit.
      const ratios = rounds.map((round, index) => (values[index] ?? Number.NaN) / percentile(round.insert, 0.5));
      return [median(values).toFixed(2), `**${median(ratios).toFixed(2)}**`];
    });
    return [label, ...cells];
  };
  return {
    head: ['', 'p50, ms', '÷ p50 of the commit', 'p95, ms', '÷ p50 of the commit'],
    rows: [row('bare one-row commit', ({ insert }) => insert), row('POST /v1/tasks → 202', ({ accept }) => accept)],
  };
}

function summary({ accept, insert }: Round) {
  const of = (values: readonly number[]) => ({ p50: percentile(values, 0.5), p95: percentile(values, 0.95) });
  return { accept: of(accept), insert: of(insert) };
}

function spread(values: readonly number[]): string {
  return `p50 ${percentile(values, 0.5).toFixed(2)} p95 ${percentile(values, 0.95).toFixed(2)} ms`;
}
