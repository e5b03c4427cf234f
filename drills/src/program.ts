/** `drill`: exit codes 0 it holds, 1 something is violated, 2 usage, 3 could not find out, 130 interrupted. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { interruptSignal } from '@morningai/cli/connect';
import { printJson, table } from '@morningai/cli/table';
import { AppError } from '@morningai/core/errors';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addBugs } from './bugs/bugs-command.ts';
import { DRILLS } from './catalog.ts';
import { addRandom, count, seed } from './campaign/random-command.ts';
import type { Drill } from './drill.ts';
import { openDrillStack } from './drill-stack.ts';
import { INVARIANTS, NOT_YET } from './invariants/catalog.ts';
import { NEMESES } from './nemeses/catalog.ts';
import { originalText, runOriginal } from './original/run-original.ts';
import { WORK_ROWS_ENV } from './original/work-rows.ts';
import { reportJson, reportText } from './report.ts';
import { runDrill, type DrillReport } from './run-drill.ts';
import { addStackOptions, openChosenStack, refuseUnlessAllowed, type StackChoice } from './which-stack.ts';

type Options = {
  tasks: number;
  pause: number;
  seed: number;
  logs?: string;
  list?: boolean;
  json?: boolean;
} & StackChoice;

export type Program = { run(argv: readonly string[]): Promise<number> };

const ORIGINAL = 'original';
/** The worker's slots drain the first half in about this many rounds of 200 ms. */
const TASKS_PER_SLOT = 20;
const SLOTS_MIN = 10;

export function createProgram(): Program {
  let exitCode = 0;
  const program = new Command('drill')
    .description(
      'Makes an outage on purpose, on a stack of its own, while tasks are submitted and worked on; proves the ledger.',
    )
    .argument('[name...]', `which; see --list. "all": all of them. "${ORIGINAL}": the table of what the original did`)
    .option('--list', 'list the drills')
    .option('--tasks <n>', 'tasks to submit, at least; half of them at once', count, 1_000)
    .option('--pause <ms>', 'how long a fault lasts', count, 3_000)
    .option('--seed <n>', 'for everything that is drawn', seed, 1)
    .option('--logs <folder>', "copy the services' logs there at the end")
    .option('--json', 'as JSON')
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(see --help)')
    .action(async (names: readonly string[], options: Options) => {
      if (options.list) return list(options);
      if (names.length === 0) throw new InvalidArgumentError('say which drill: --list has them');
      const isOriginal = names.length === 1 && names[0] === ORIGINAL;
      const holds = isOriginal ? await printOriginal(options) : await runDrills(chosen(names), options);
      if (!holds) exitCode = 1;
    });
  addStackOptions(program);
  addRandom(program, (holds) => void (exitCode = holds ? 0 : 1));
  addBugs(program, (holds) => void (exitCode = holds ? 0 : 1));
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

async function runDrills(drills: readonly Drill[], options: Options): Promise<boolean> {
  const { tasks, pause, seed, logs, json } = options;
  refuseUnlessAllowed(options, drills);
  const signal = interruptSignal();
  const slots = Math.max(SLOTS_MIN, Math.ceil(tasks / TASKS_PER_SLOT));
  const progress = (line: string) => console.error(`· ${line}`);
  const reports: DrillReport[] = [];
  const runOn = async (stackOptions: { readonly sentinels: boolean }) => {
    const some = drills.filter(({ needsSentinels = false }) => needsSentinels === stackOptions.sentinels);
    if (some.length === 0) return;
    await using stack = await openChosenStack(options, { slots, ...stackOptions, progress, signal });
    for (const drill of some) {
      console.error(`· ${drill.name}: ${drill.fault}`);
      const report = await runDrill(drill, stack, { tasks, pauseMs: pause, seed, signal });
      reports.push(report);
      if (!json) console.log(`${reportText(report)}\n`);
    }
    const folder = logs !== undefined && stackOptions.sentinels ? join(logs, 'sentinels') : logs;
    if (folder !== undefined) await cp(stack.logFolder, folder, { recursive: true });
  };
  await runOn({ sentinels: false });
  await runOn({ sentinels: true });
  if (json) printJson({ drills: reports.map(reportJson) });
  return reports.every(({ violations }) => violations.length === 0);
}

async function printOriginal({ redis, json }: Options): Promise<boolean> {
  const signal = interruptSignal();
  const progress = (line: string) => console.error(`· ${line}`);
  await using stack = await openDrillStack({
    slots: SLOTS_MIN,
    ...(redis && { redis }),
    serviceEnv: WORK_ROWS_ENV,
    progress,
    signal,
  });
  const report = await runOriginal(stack, { progress, signal });
  if (json) printJson(report);
  else console.log(originalText(report));
  return report.violations.length === 0 && report.rows.every(({ holds }) => holds);
}

function list({ json }: Options): void {
  const drills = DRILLS.map(({ name, row, fault, expected }) => ({ name, row, fault, expected }));
  const nemeses = NEMESES.map(({ name, row, what, target, lastsMs }) => ({ name, row, what, target, lastsMs }));
  const invariants = INVARIANTS.map(({ number, name, promise }) => ({ number, name, promise }));
  if (json) return printJson({ drills, nemeses, invariants, notYet: NOT_YET });
  const sections: [string, readonly string[], string[][]][] = [
    ['Drills', ['row', 'name', 'what is done'], drills.map(({ row, name, fault }) => [row, name, fault])],
    [
      'What random draws from',
      ['row', 'name', 'what is done'],
      nemeses.map(({ row, name, what }) => [row, name, what]),
    ],
    [
      'What it holds it against',
      ['no', 'name', 'promise'],
      invariants.map((one) => [String(one.number), one.name, one.promise]),
    ],
    ['Not yet', ['no', 'promise', 'waits for'], NOT_YET.map((one) => [String(one.number), one.promise, one.waitsFor])],
  ];
  return console.log(sections.map(([title, head, rows]) => `${title}\n\n${table(head, rows)}`).join('\n\n'));
}

function chosen(names: readonly string[]): readonly Drill[] {
  if (names.length === 1 && names[0] === 'all') return DRILLS;
  const unknown = names.filter((name) => !DRILLS.some((one) => one.name === name));
  if (unknown.length > 0) throw new InvalidArgumentError(`there is no drill ${unknown.join(', ')}`);
  return DRILLS.filter(({ name }) => names.includes(name));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof InvalidArgumentError) console.error(`error: ${error.message} (see --help)`);
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  if (error instanceof AppError) {
    console.error(`${error.code}: ${error.message}`);
    return USAGE.has(error.code) ? 2 : 3;
  }
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 3;
}

const USAGE: ReadonlySet<string> = new Set(['CONFIG_INVALID', 'COMPONENT_FAULT_REFUSED']);
