/** `drill bugs`: whether those who look for faults see those that are there. */
import { interruptSignal } from '@morningai/cli/connect';
import { printJson, table } from '@morningai/cli/table';
import { InvalidArgumentError, type Command } from 'commander';
import { BUGS } from './catalog.ts';
import { isGood, runBugs, type Score } from './run-bugs.ts';

type Options = { schedules: number; seed: number; list?: boolean; json?: boolean };
/** @param done told of what the exit code says */
export function addBugs(program: Command, done: (holds: boolean) => void): void {
  program
    .command('bugs')
    .description(
      'Seeds bugs into copies of the source tree, and shows that the simulation and the random drills see them',
    )
    .argument('[name...]', 'which; default: all of them')
    .option('--list', 'list the bugs')
    .option('--schedules <n>', 'schedules for each bug, at most', count, 20)
    .option('--seed <n>', 'of the first schedule', count, 1)
    .option('--json', 'as JSON')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .action(async (names: readonly string[], options: Options) => {
      const bugs = chosen(names);
      if (options.list) return list(bugs, options);
      const { seed, schedules, json } = options;
      const score = await runBugs(bugs, {
        seed,
        schedules,
        progress: (line) => console.error(`· ${line}`),
        signal: interruptSignal(),
      });
      if (json) printJson(scoreJson(score));
      else console.log(scoreText(score));
      done(isGood(score));
    });
}

function chosen(names: readonly string[]) {
  const unknown = names.filter((name) => !BUGS.some((bug) => bug.name === name));
  if (unknown.length > 0) throw new InvalidArgumentError(`there is no bug ${unknown.join(', ')}: --list has them`);
  return names.length === 0 ? BUGS : BUGS.filter(({ name }) => names.includes(name));
}

function list(bugs: typeof BUGS, { json }: Options): void {
  const rows = bugs.map(({ name, says, seenBy, breaks }) => ({ name, says, seenBy, breaks }));
  if (json) return printJson({ bugs: rows });
  console.log(
    table(
      ['name', 'seen by', 'what is wrong then'],
      rows.map(({ name, seenBy, says }) => [name, seenBy, says]),
    ),
  );
}

function scoreText({ bugs, clean, seed }: Score): string {
  const caught = bugs.filter(({ after }) => after !== null).length;
  const rows = bugs.map(({ bug, after, violation }) => [
    bug.name,
    bug.seenBy,
    after === null ? 'MISSED' : `${after}`,
    violation.split('\n')[0] ?? '',
  ]);
  return [
    table(['bug', 'seen by', 'after', 'what was seen'], rows),
    `${caught} of ${bugs.length} caught, from seed ${seed}`,
    ...clean.map(({ seenBy, schedules, after, violation }) =>
      after === null
        ? `without a bug the same ${schedules} schedules by ${seenBy} pass`
        : `WITHOUT A BUG schedule ${after} by ${seenBy} fails too: ${violation}`,
    ),
  ].join('\n');
}

function scoreJson({ seed, bugs, clean }: Score): unknown {
  return {
    seed,
    clean,
    bugs: bugs.map(({ bug: { name, says, seenBy, breaks }, after, violation }) => {
      return { name, says, seenBy, breaks, caught: after !== null, after, violation };
    }),
  };
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return number;
}
