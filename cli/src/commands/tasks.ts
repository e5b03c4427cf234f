import type { TaskFilter } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

type Options = { status?: string; agent?: string; label?: string; cursor?: string; limit?: string; json?: boolean };

export function addTasks(program: Command, _done: Done): void {
  program
    .command('tasks')
    .description('List tasks, newest first')
    .option('--status <status>', 'scheduled, queued, running, waiting, completed, failed, cancelled')
    .option('--agent <name>')
    .option('--label <name:value>', 'or only a name')
    .option('--cursor <cursor>', '`next` of the page before')
    .option('--limit <n>', 'at most 1,000', '100')
    .option('--json', 'as JSON')
    .action(async ({ json, ...options }: Options, command: Command) => {
      const page = await (await clientOf(command)).list({ ...options, limit: Number(options.limit) } as TaskFilter);
      if (json) return printJson(page);
      const rows = page.tasks.map(({ id, agent, status, attempt, createdAt }) => [
        id,
        agent,
        status,
        String(attempt),
        createdAt ?? '',
      ]);
      console.log(table(['id', 'agent', 'status', 'attempt', 'created'], rows));
      if (page.next !== null) console.log(`more: --cursor ${page.next}`);
    });
}
