/** `simulate`: exit codes 0 it holds, 1 something is violated, 2 usage, 3 could not find out, 130 interrupted. */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CHAPTERS, runSchedule, type Outcome } from './run-schedule.ts';
import { runSchedules } from './run-schedules.ts';
import { tracer } from './tracer.ts';

type Options = {
  runs: number;
  seed?: number;
  chapters: number;
  threads: number;
  json?: boolean;
  trace?: boolean;
  shrink: boolean;
};

export type Program = { run(argv: readonly string[], signal: AbortSignal): Promise<number> };

const SEED_MAX = 2 ** 31;
const PROGRESS_EVERY_MS = 2_000;

export function createProgram(): Program {
  return {
    async run(argv, signal) {
      let exitCode = 0;
      const program = new Command('simulate')
        .description(
          'Runs the dispatching of real orchestrators on a virtual clock, against a simulated Postgres and Redis that fail in random schedules; each seed is one schedule, and the same one every time.',
        )
        .option('--runs <n>', 'how many schedules', count, 1_000)
        .option('--seed <n>', 'of the first schedule; the others follow it (default: drawn)', count)
        .option(
          '--chapters <n>',
          'how long a schedule is: so often it is hurt in other ways, and healed',
          count,
          CHAPTERS,
        )
        .option('--threads <n>', 'schedules at once', count, availableParallelism())
        .option('--trace', 'tell what one schedule does; only with --seed')
        .option('--no-shrink', 'leave a schedule that fails as long as it was drawn')
        .option('--json', 'as JSON')
        .exitOverride()
        .showHelpAfterError('(see --help)')
        .action(async (options: Options) => {
          const holds = options.trace ? await trace(options) : await simulate(options, signal);
          if (!holds) exitCode = 1;
        });
      try {
        await program.parseAsync([...argv]);
        return exitCode;
      } catch (error) {
        return exitCodeOf(error);
      }
    },
  };
}

async function simulate(options: Options, signal: AbortSignal): Promise<boolean> {
  const { runs, chapters, threads, json, shrink } = options;
  const seed = options.seed ?? Math.floor(Math.random() * SEED_MAX);
  const startedAt = performance.now();
  let toldAt = startedAt;
  const onOutcome = (_: Outcome, done: number) => {
    if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = performance.now();
    console.error(`· ${done} of ${runs} schedules, ${Math.round((done / (toldAt - startedAt)) * 1_000)} a second`);
  };
  const totals = await runSchedules({ runs, seed, chapters, threads, shrink, onOutcome, signal });
  const seconds = (performance.now() - startedAt) / 1_000;
  const { schedules, virtualMs, events, failed } = totals;
  if (json) {
    console.log(
      JSON.stringify({ seed, runs, schedules, virtualMs: Math.round(virtualMs), events, seconds, failed }, null, 2),
    );
  } else {
    for (const outcome of failed) console.log(outcomeText(outcome, chapters));
    const hours = (virtualMs / 3_600_000).toFixed(1);
    console.log(
      `${schedules} schedules from seed ${seed}: ${hours} hours of virtual time, ${events} events, in ${seconds.toFixed(0)} s`,
    );
    console.log(failed.length === 0 ? 'all of them hold' : `${failed.length} violated`);
  }
  return failed.length === 0;
}

async function trace({ seed, chapters }: Options): Promise<boolean> {
  if (seed === undefined) throw new InvalidArgumentError('--trace needs --seed');
  const outcome = await runSchedule({ seed, chapters, logger: tracer((line) => console.log(line)), shrink: false });
  console.log(outcome.violations.length === 0 ? `seed ${seed} holds` : outcomeText(outcome, chapters));
  return outcome.violations.length === 0;
}

function outcomeText({ seed, violations, steps }: Outcome, chapters: number): string {
  return [
    `seed ${seed} VIOLATED`,
    ...violations.map((violation) => `  ${violation}`),
    'after',
    ...steps.split('\n').map((step) => `  ${step}`),
    `again: npx pnpm@12 simulate --runs 1 --seed ${seed} --chapters ${chapters}`,
  ].join('\n');
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a whole number');
  return number;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof InvalidArgumentError) {
    console.error(`error: ${error.message} (see --help)`);
    return 2;
  }
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 3;
}
