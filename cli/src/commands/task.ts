import type { Task } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';

export function addTask(program: Command, _done: Done): void {
  program
    .command('task')
    .description('Show one task')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const task = await (await clientOf(command)).get(id);
      if (options.json) printJson(task);
      else printTask(task);
    });
}

export function printTask(task: Task): void {
  const lines = {
    task: task.id,
    agent: task.agent,
    status: task.status,
    attempt: `${task.attempt} (${task.failures} of ${task.maxAttempts} failures)`,
    lane: task.lane,
    life: task.life === 1 ? null : String(task.life),
    created: task.createdAt,
    due: task.status === 'scheduled' ? task.dueAt : null,
    expires: task.expiresAt,
    finished: task.finishedAt,
    input: JSON.stringify(task.input),
    output: task.output === null ? null : JSON.stringify(task.output),
    error: task.error === null ? null : `${task.error.code}: ${task.error.message}`,
  };
  for (const [name, value] of Object.entries(lines)) if (value !== null) console.log(`${name.padEnd(9)} ${value}`);
}
