import type { Why } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';

export function addWhy(program: Command, _done: Done): void {
  program
    .command('why')
    .description('Say why a task is where it is: what it waits for and since when, or that nothing holds it')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const why = await (await clientOf(command)).why(id);
      if (options.json) printJson(why);
      else printWhy(why);
    });
}

function printWhy({ id, status, reason, text, since, lane, details }: Why): void {
  const lines = { task: id, status, reason: `${reason}: ${text}`, since, lane, details: JSON.stringify(details) };
  for (const [name, value] of Object.entries(lines)) if (value !== null) console.log(`${name.padEnd(8)} ${value}`);
}
