import type { TaskFilter } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

type Options = { agent?: string; label?: string; cursor?: string; limit?: string; json?: boolean };

const MESSAGE_LENGTH = 100;

export function addFailed(program: Command, _done: Done): void {
  program
    .command('failed')
    .description('List the tasks that have failed, newest first, each with its cause')
    .option('--agent <name>')
    .option('--label <name:value>', 'or only a name')
    .option('--cursor <cursor>', '`next` of the page before')
    .option('--limit <n>', 'at most 1,000', '100')
    .option('--json', 'as JSON')
    .action(async ({ json, ...options }: Options, command: Command) => {
      const filter: TaskFilter = { ...options, status: 'failed', limit: Number(options.limit) };
      const page = await (await clientOf(command)).list(filter);
      if (json) return printJson(page);
      const rows = page.tasks.map(({ id, agent, error, failures, maxAttempts, finishedAt }) => [
        id,
        agent,
        finishedAt ?? '',
        `${failures} of ${maxAttempts}`,
        error?.code ?? '',
        // On one line.
        (error?.message ?? '').replaceAll(/\s+/g, ' ').slice(0, MESSAGE_LENGTH),
      ]);
      console.log(table(['id', 'agent', 'failed', 'attempts', 'code', 'message'], rows));
      if (page.next !== null) console.log(`more: --cursor ${page.next}`);
    });
}
