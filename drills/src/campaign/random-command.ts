/** `drill random`: schedules drawn from seeds, one after the other. */
import { join } from 'node:path';
import { interruptSignal } from '@morningai/cli/connect';
import { printJson } from '@morningai/cli/table';
import { InvalidArgumentError, type Command } from 'commander';
import type { DrillStack } from '../drill-stack.ts';
import { addStackOptions, openChosenStack, refuseUnlessAllowed, type StackChoice } from '../which-stack.ts';
import { NEMESES } from '../nemeses/catalog.ts';
import type { Nemesis } from '../nemeses/nemesis.ts';
import { summaryOf } from './campaign-summary.ts';
import { scheduleText, summaryText } from './campaign-text.ts';
import { SEED_MAX } from './draw-schedule.ts';
import { openResultsFile } from './results-file.ts';
import { isPass, runCampaign } from './run-campaign.ts';
import type { ScheduleReport } from './run-schedule.ts';

type Options = {
  schedules?: number;
  seed?: number;
  for?: number;
  callers: number;
  orchestrators: 1 | 2;
  nemesis?: readonly Nemesis[];
  out: string;
  json?: boolean;
} & StackChoice;

const SCHEDULES = 20;
const CALLERS = 80;
/** Of the built-in worker. */
const SLOTS = 20;

/** @param done told of what the exit code says */
export function addRandom(program: Command, done: (holds: boolean) => void): void {
  addStackOptions(program.command('random'))
    .description('Draws schedules of faults and load from seeds, and holds what happened against every invariant')
    .option('--schedules <n>', `how many; default ${SCHEDULES}, or as many as --for has time for`, count)
    .option('--seed <n>', 'of the first; the next have the next. Default: drawn, and printed', seed)
    .option('--for <time>', 'begin none after this time: 90s, 10m, 2h', duration)
    .option('--callers <n>', 'tasks of a schedule, each with a caller of its own', count, CALLERS)
    .option('--orchestrators <n>', '1, or 2: a second one on the same log', orchestrators, 1)
    .option('--nemesis <names>', 'draw from these only, with commas between', nemeses)
    .option('--out <folder>', 'for results and histories; the same seed goes on where they end', '.morningai/drills')
    .option('--json', 'as JSON')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .action(async (options: Options) => done(await runRandom(options, interruptSignal())));
}

async function runRandom(options: Options, signal: AbortSignal): Promise<boolean> {
  const {
    seed: first = drawnSeed(),
    callers,
    orchestrators: several,
    nemesis = possible(options),
    out,
    json,
  } = options;
  refuseUnlessAllowed(options, nemesis);
  if (several === 2) refuseUnlessAllowed(options, [{ name: '--orchestrators 2', needsOwnStack: true }]);
  const progress = (line: string) => console.error(`· ${line}`);
  const file = join(out, `random-${options.redis === 'valkey' ? 'valkey-' : ''}${first}.jsonl`);
  const results = await openResultsFile(file);
  const reports: ScheduleReport[] = [...results.found];
  progress(`seed ${first}: results in ${file}${reports.length > 0 ? `, ${reports.length} of them from before` : ''}`);
  const openStack = (): Promise<DrillStack> => openChosenStack(options, { slots: SLOTS, progress, signal });
  const seeds = seedsOf(options, first, new Set(reports.map(({ seed }) => seed)));
  try {
    for await (const report of runCampaign(seeds, {
      nemeses: nemesis,
      callers,
      orchestrators: several,
      openStack,
      folder: join(out, 'histories'),
      signal,
    })) {
      reports.push(report);
      await results.add(report);
      console.error(scheduleText(report));
      if (!isPass(report))
        console.error(`         again: drill random --schedules 1 --seed ${report.seed} --out <another folder>`);
    }
  } finally {
    const summary = summaryOf(reports);
    if (json) printJson({ seed: first, summary, reports });
    else console.log(summaryText(summary));
  }
  return reports.length > 0 && reports.every(isPass);
}

function* seedsOf({ schedules, for: forMs }: Options, first: number, done: ReadonlySet<number>): Generator<number> {
  const until = forMs === undefined ? Infinity : performance.now() + forMs;
  const most = schedules ?? (forMs === undefined ? SCHEDULES : Infinity);
  for (let index = 0; index < most && performance.now() < until; index += 1) {
    const one = (first + index) % (SEED_MAX + 1);
    if (!done.has(one)) yield one;
  }
}

function possible({ stack }: StackChoice): readonly Nemesis[] {
  return stack === undefined ? NEMESES : NEMESES.filter(({ needsOwnStack }) => !needsOwnStack);
}

function drawnSeed(): number {
  return Math.floor(Math.random() * SEED_MAX);
}

export function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return number;
}

function orchestrators(text: string): 1 | 2 {
  if (text !== '1' && text !== '2') throw new InvalidArgumentError('must be 1 or 2');
  return text === '1' ? 1 : 2;
}

export function seed(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < 0 || number > SEED_MAX)
    throw new InvalidArgumentError(`must be a whole number from 0 to ${SEED_MAX}`);
  return number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

export function duration(text: string): number {
  const [, number, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('must be a time: 90s, 10m, 2h');
  return ms;
}

function nemeses(text: string): readonly Nemesis[] {
  return text.split(',').map((name) => {
    const found = NEMESES.find((one) => one.name === name);
    if (found === undefined) throw new InvalidArgumentError(`there is no nemesis "${name}": drill --list has them`);
    return found;
  });
}
