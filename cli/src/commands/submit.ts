import { AppError } from '@morningai/core/errors';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import { givenText } from '../given-text.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';
import { printTask } from './task.ts';

type Options = {
  wait?: boolean;
  json?: boolean;
  priority?: string;
  dueAt?: string;
  expiresAt?: string;
  maxAttempts?: string;
  idempotencyKey?: string;
  label?: Record<string, string>;
};

export function addSubmit(program: Command, done: Done): void {
  program
    .command('submit')
    .description('Submit a task')
    .argument('<agent>', 'which agent works on it')
    .argument('[input]', 'JSON, "@file" or "-" for standard input', '{}')
    .option('--wait', 'wait for the outcome; exit code 1 if the task fails')
    .option('--priority <n>', '0 (most urgent) to 3')
    .option('--due-at <time>', 'not before this time (ISO 8601)')
    .option('--expires-at <time>', 'not after this time (ISO 8601)')
    .option('--max-attempts <n>', 'attempts that may fail before the task does')
    .option('--idempotency-key <key>', 'the same key and request answer the first task')
    .option('--label <name=value>', 'may be repeated', addLabel)
    .option('--json', 'the task as JSON')
    .action(async (agent: string, input: string, options: Options, command: Command) => {
      const client = await clientOf(command);
      const request = {
        agent,
        input: await inputOf(input),
        ...(options.priority === undefined ? {} : { priority: Number(options.priority) }),
        ...(options.maxAttempts === undefined ? {} : { maxAttempts: Number(options.maxAttempts) }),
        ...(options.dueAt === undefined ? {} : { dueAt: options.dueAt }),
        ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
        ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
        ...(options.label === undefined ? {} : { labels: options.label }),
      };
      let task = await client.submit(request);
      if (options.wait) {
        for await (const event of client.watch(task.id)) if (!options.json) console.error(event.type);
        task = await client.get(task.id);
        done(task.status === 'completed' ? 0 : 1);
      }
      if (options.json) printJson(task);
      else printTask(task);
    });
}

async function inputOf(given: string): Promise<unknown> {
  const source = await givenText(given);
  try {
    return JSON.parse(source) as unknown;
  } catch (cause) {
    throw new AppError('REQUEST_INVALID', `the input is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function addLabel(given: string, labels: Record<string, string> = {}): Record<string, string> {
  const [name = '', value = ''] = given.split(/=(.*)/s, 2);
  return { ...labels, [name]: value };
}
