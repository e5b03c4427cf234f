import { AppError } from '@morningai/core/errors';
import { Argument, type Command } from 'commander';
import { folderOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { askStatus, order, type Report } from '../stack/ask-control.ts';
import { COMPONENT_NAMES, type Action, type ComponentName } from '../stack/component.ts';
import { readStackFile, type StackFile } from '../stack/stack-file.ts';
import { printJson, table } from '../table.ts';

const ABOUT: Readonly<Record<Action, string>> = {
  start: 'Bring a killed backend back, or a service at once; what is frozen goes on',
  kill: 'SIGKILL (docker kill for a container). A service comes back by itself, a backend stays down',
  wipe: 'Kill a backend and delete its data; if it ran, it is started again, empty. postgres needs --yes: it is the log',
  freeze: 'SIGSTOP, every thread: connections stay open, nothing answers',
  thaw: 'SIGCONT',
};

export function addStack(program: Command, _done: Done): void {
  const stack = program
    .command('stack')
    .description('Hurt a component of the stack that `start` runs, and bring it back');
  stack
    .command('status')
    .description('Show every component')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const components = await askStatus(await runningStack(command));
      if (options.json) printJson({ components });
      else console.log(table(['component', 'state', 'process'], components.map(rowOf)));
    });
  for (const [action, about] of Object.entries(ABOUT) as [Action, string][]) {
    const one = stack
      .command(action)
      .description(about)
      .addArgument(new Argument('<component>').choices(COMPONENT_NAMES))
      .option('--json', 'as JSON')
      .action(async (name: ComponentName, options: { json?: boolean; yes?: boolean }, command: Command) => {
        if (action === 'wipe' && name === 'postgres' && options.yes !== true)
          throw new AppError('COMPONENT_FAULT_REFUSED', 'Postgres has the log: every task would be gone. Say --yes');
        const report = await order(await runningStack(command), action, name);
        if (options.json) printJson(report);
        else console.log(rowOf(report).join(' ').trimEnd());
      });
    if (action === 'wipe') one.option('--yes', 'also the log itself, with every task in it');
  }
}

/** @throws AppError CONFIG_INVALID */
async function runningStack(command: Command): Promise<StackFile> {
  const folder = folderOf(command);
  const stack = await readStackFile(folder);
  if (stack !== null) return stack;
  throw new AppError('CONFIG_INVALID', `no stack runs in ${folder}: start one with "npx pnpm@12 start"`);
}

function rowOf({ name, state, process }: Report): string[] {
  const entry = process === null ? '' : 'pid' in process ? `pid ${process.pid}` : `container ${process.containerId}`;
  return [name, state, entry];
}
