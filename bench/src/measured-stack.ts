/** A bench stack with what nearly every benchmark of ours needs beside it: a load that submits, a watch on the log, a way to read it. */
import { openPool, type Pool } from '@morningai/log/pool';
import { readHead } from '@morningai/log/read';
import { ticketPrefix } from '@morningai/queue/queue-names';
import { openBenchStack, type BenchStack } from './bench-stack.ts';
import type { BenchmarkOptions } from './benchmark.ts';
import { startLoad } from './load-process.ts';
import type { SubmitReply, SubmitRequest } from './loads/submit-grpc.ts';
import { openLogWatch, type LogWatch } from './log-watch.ts';
import { watchRedis, type RedisWatch } from './redis-watch.ts';

export type MeasuredStack = Omit<BenchStack, 'ledgerProblems'> & {
  readonly watch: LogWatch;
  readonly pool: Pool;
  readonly redis: RedisWatch;
  /** One at a time. What was refused is a problem of the ledger. */
  submit(request: SubmitRequest): Promise<SubmitReply>;
  /** Submits them and waits for their outcomes and the feed. @returns tasks per second, from the first submit to the last outcome */
  throughput(request: SubmitRequest): Promise<number>;
  /** @param open how many of all that were submitted are to be open still; default none */
  ledgerProblems(open?: number): Promise<readonly string[]>;
};

export async function openMeasuredStack(
  options: BenchmarkOptions,
  serviceEnv?: Readonly<Record<string, string>>,
): Promise<MeasuredStack> {
  const { signal } = options;
  const parts = new AsyncDisposableStack();
  try {
    const stack = parts.use(await openBenchStack(options, serviceEnv));
    const { apiKey, databaseUrl, redisUrl } = stack.urls;
    const address = stack.orchestratorAddress;
    const watch = parts.use(await openLogWatch({ databaseUrl, orchestratorAddress: address, apiKey }));
    const pool = parts.adopt(openPool({ url: databaseUrl, name: 'bench' }), (one) => one.close());
    const { incarnation } = await readHead(pool);
    const load = parts.use(startLoad<SubmitRequest, SubmitReply>('submit-grpc', { address, apiKey }));
    const refusals: string[] = [];
    let acceptedCount = 0;

    const submit = async (request: SubmitRequest) => {
      const reply = await load.ask(request);
      acceptedCount += reply.accepted;
      if (reply.refusal !== null)
        refusals.push(`${request.tasks - reply.accepted} tasks were refused: ${reply.refusal}`);
      return reply;
    };
    return {
      ...stack,
      watch,
      pool,
      redis: watchRedis(redisUrl, ticketPrefix(incarnation)),
      submit,
      async throughput(request) {
        const from = await watch.head();
        const [{ startedAt }, { endedAt }] = await Promise.all([
          submit(request),
          watch.untilCompleted(from, request.tasks, signal),
        ]);
        await watch.untilPublished(signal);
        return (request.tasks * 1_000) / (endedAt - startedAt);
      },
      ledgerProblems: async (open) => [...refusals, ...(await stack.ledgerProblems(acceptedCount, open))],
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}
