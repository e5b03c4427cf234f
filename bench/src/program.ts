/** `bench`: exit codes 0 good, 1 the ledger is wrong, 2 usage, 3 could not measure, 130 interrupted. */
import process from 'node:process';
import { interruptSignal } from '@morningai/cli/connect';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Benchmark, Result } from './benchmark.ts';
import { accept } from './benchmarks/accept.ts';
import { blocked } from './benchmarks/blocked.ts';
import { dispatch } from './benchmarks/dispatch.ts';
import { failover } from './benchmarks/failover.ts';
import { noWorker } from './benchmarks/no-worker.ts';
import { outage } from './benchmarks/outage.ts';
import { redisDead } from './benchmarks/redis-dead.ts';
import { redisMemory } from './benchmarks/redis-memory.ts';
import { refill } from './benchmarks/refill.ts';
import { throughput } from './benchmarks/throughput.ts';
import { verify } from './benchmarks/verify.ts';
import { describeMachine } from './machine.ts';
import { record } from './record.ts';
import { markdown } from './report.ts';

const BENCHMARKS: readonly Benchmark[] = [
  throughput,
  accept,
  dispatch,
  redisDead,
  outage,
  failover,
  refill,
  redisMemory,
  blocked,
  noWorker,
  verify,
];
const SLOTS = 1_000;

type Options = {
  tasks?: number;
  rounds: number;
  slots?: number;
  json?: boolean;
  record?: boolean;
  profile?: string;
};

export type Program = { run(argv: readonly string[]): Promise<number> };

export function createProgram(): Program {
  let exitCode = 0;
  const program = new Command('bench')
    .description(
      'Measures MorningAI beside what it is compared with, in one run. Speeds are ratios; machines are noisy.',
    )
    .argument('[name...]', `which: ${BENCHMARKS.map(({ name }) => name).join(', ')}; none: all of them`)
    .option('--tasks <n>', 'tasks (or samples) per round; default: what the benchmark says', count)
    .option('--rounds <n>', 'measured rounds, after one that warms up', count, 3)
    .option('--slots <n>', 'tasks the worker runs at once; default: what the benchmark says', count)
    .option('--json', 'print JSON instead of Markdown')
    .option('--record', 'also write the result into docs/benchmarks.md')
    .option('--profile <folder>', 'write CPU profiles of the services there')
    .addHelpText('after', () => `\n${BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}`)
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .action(async (names: readonly string[], options: Options) => {
      const results = await measure(chosen(names), options);
      if (results.some(({ problems }) => problems.length > 0)) exitCode = 1;
    });
  return {
    async run(argv) {
      try {
        await program.parseAsync([...argv]);
        return exitCode;
      } catch (error) {
        return exitCodeOf(error);
      }
    },
  };
}

async function measure(benchmarks: readonly Benchmark[], options: Options): Promise<readonly Result[]> {
  const signal = interruptSignal();
  const progress = (line: string) => console.error(`· ${line}`);
  const machine = describeMachine();
  const command = ['npx pnpm@12 bench', ...process.argv.slice(2).filter((word) => word !== '--record')].join(' ');
  const results: Result[] = [];
  for (const benchmark of benchmarks) {
    progress(`${benchmark.name}: ${benchmark.about}`);
    const { tasks = benchmark.tasks, rounds, slots = benchmark.slots ?? SLOTS, profile } = options;
    results.push(await benchmark.run({ tasks, rounds, slots, profile, progress, signal }));
  }
  const text = markdown({ machine, command, results });
  console.log(options.json ? JSON.stringify({ machine, command, results }, null, 2) : text);
  for (const { name, problems } of results) for (const problem of problems) console.error(`${name}: ${problem}`);
  if (options.record)
    for (const result of results) await record(result.name, markdown({ machine, command, results: [result] }));
  return results;
}

function chosen(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((name) => !BENCHMARKS.some((one) => one.name === name));
  if (unknown.length > 0) throw new InvalidArgumentError(`there is no benchmark ${unknown.join(', ')}`);
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return number;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof InvalidArgumentError) console.error(`error: ${error.message} (see --help)`);
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 3;
}
