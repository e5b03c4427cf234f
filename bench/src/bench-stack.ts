/** The whole system in a temporary folder, as `start` would run it, with what a benchmark needs to know of it. */
import { verifyDatabase } from '@morningai/cli/commands/verify';
import type { ComponentName, StackComponent } from '@morningai/cli/stack/component';
import type { StackFile } from '@morningai/cli/stack/stack-file';
import { openTemporaryStack } from '@morningai/cli/stack/temporary-stack';
import type { BenchmarkOptions } from './benchmark.ts';

export type BenchStack = AsyncDisposable & {
  readonly urls: StackFile;
  /** "host:port" */
  readonly orchestratorAddress: string;
  readonly versions: string;
  /** To be killed and brought back. */
  component(name: ComponentName): StackComponent;
  /** Of the processes that run now. */
  pids(): Record<string, number>;
  /** @returns what is wrong with the ledger, if so many tasks were accepted and all completed but those that are to be open */
  ledgerProblems(accepted: number, open?: number): Promise<readonly string[]>;
};

/** @param serviceEnv what the services are told beside the number of slots */
export async function openBenchStack(
  options: BenchmarkOptions,
  serviceEnv: Readonly<Record<string, string>> = {},
): Promise<BenchStack> {
  const stack = await openTemporaryStack({
    name: 'bench',
    progress: options.progress,
    signal: options.signal,
    serviceEnv: {
      ...serviceEnv,
      WORKER_SLOTS: String(options.slots),
      ...(options.profile && {
        NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profile} --cpu-prof-interval=500`,
      }),
    },
  });
  const urls = stack.describe();
  return {
    urls,
    orchestratorAddress: urls.orchestratorAddress,
    versions: stack.testbed.describe(),
    component: stack.component,
    pids: () =>
      Object.fromEntries(
        Object.entries(stack.describe().processes).flatMap(([name, one]) => ('pid' in one ? [[name, one.pid]] : [])),
      ),
    async ledgerProblems(accepted, open = 0) {
      const report = await verifyDatabase(urls.databaseUrl, { signal: options.signal });
      const { ledger, recordedTwice, problems } = report;
      return [
        ...problems,
        ...(recordedTwice === 0 ? [] : [`${recordedTwice} outcomes were recorded twice`]),
        ...(ledger.accepted === accepted && ledger.completed === accepted - open && ledger.open === open
          ? []
          : [
              `${accepted} tasks were accepted, of which ${open} are to be open; the ledger says ${JSON.stringify(ledger)}`,
            ]),
      ];
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}
