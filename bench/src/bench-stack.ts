/** The whole system in a temporary folder, as `start` would run it, with what a benchmark needs to know of it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { verifyDatabase } from '@morningai/cli/commands/verify';
import { openStack, type Stack } from '@morningai/cli/stack/open-stack';
import type { StackFile } from '@morningai/cli/stack/stack-file';
import type { BenchmarkOptions } from './benchmark.ts';

export type BenchStack = AsyncDisposable & {
  readonly urls: StackFile;
  /** "host:port" */
  readonly orchestratorAddress: string;
  readonly versions: string;
  /** Of the processes that run now. */
  pids(): Record<string, number>;
  /** @returns what is wrong with the ledger, if these many tasks were accepted and all completed */
  ledgerProblems(accepted: number): Promise<readonly string[]>;
};

export async function openBenchStack(options: BenchmarkOptions): Promise<BenchStack> {
  const folder = await mkdtemp(join(tmpdir(), 'morningai-bench-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  // The services inherit this process's environment.
  process.env['WORKER_SLOTS'] = String(options.slots);
  if (options.profile !== undefined) {
    process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${options.profile} --cpu-prof-interval=500`;
  }
  let stack: Stack;
  try {
    stack = await openStack({
      folder,
      publishFolder: join(folder, 'published'),
      ports: { ingest: undefined, health: undefined },
      urls: {},
      apiKey: undefined,
      progress: options.progress,
      signal: options.signal,
    });
  } catch (error) {
    await remove();
    throw error;
  } finally {
    delete process.env['NODE_OPTIONS'];
  }
  const urls = stack.describe();
  return {
    urls,
    orchestratorAddress: await addressOf(join(stack.logFolder, 'orchestrator.log')),
    versions: stack.testbed.describe(),
    pids: () =>
      Object.fromEntries(
        Object.entries(stack.describe().processes).flatMap(([name, one]) => ('pid' in one ? [[name, one.pid]] : [])),
      ),
    async ledgerProblems(accepted) {
      const report = await verifyDatabase(urls.databaseUrl, { signal: options.signal });
      const { ledger, recordedTwice, problems } = report;
      return [
        ...problems,
        ...(recordedTwice === 0 ? [] : [`${recordedTwice} outcomes were recorded twice`]),
        ...(ledger.accepted === accepted && ledger.completed === accepted
          ? []
          : [`${accepted} tasks were submitted; the ledger says ${JSON.stringify(ledger)}`]),
      ];
    },
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]();
      await remove();
    },
  };
}

/** stack.json does not say where the orchestrator is; its log does. */
async function addressOf(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).split('\n');
  const ready = lines.find((line) => line.includes('orchestrator ready'));
  const address = ready === undefined ? undefined : (JSON.parse(ready) as { address?: string }).address;
  if (address === undefined) throw new Error(`no "orchestrator ready" in ${logFile}`);
  return address;
}
