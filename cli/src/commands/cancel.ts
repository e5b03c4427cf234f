import { AppError } from '@morningai/core/errors';
import type { CancelOptions, TaskStatus } from '@morningai/sdk';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';
import { filterOf, refuseBoth, refuseDryRunOfOne, untilNoneIsLeft, withFilter, type BulkOptions } from './bulk.ts';
import { printTask } from './task.ts';

type Options = BulkOptions & { reason?: string; grace?: string; status?: OpenStatus; yes?: boolean };
type OpenStatus = Exclude<TaskStatus, 'completed' | 'failed' | 'cancelled'>;

export function addCancel(program: Command, done: Done): void {
  const command = program
    .command('cancel')
    .description('Cancel a task, or the open tasks that a filter matches')
    .argument('[id]', 'one task')
    .option('--reason <text>', "shown as the task's error")
    .option('--grace <seconds>', 'what a running one has to complete or to give up', '10')
    .option('--status <status>', 'scheduled, queued, running or waiting');
  withFilter(command)
    .option('--yes', 'really, where a filter says which')
    .action(async (id: string | undefined, options: Options, own: Command) => {
      const filter = { ...filterOf(options), ...(options.status === undefined ? {} : { status: options.status }) };
      refuseBoth(id, filter, '--agent, --label, --status, --before');
      refuseDryRunOfOne(id, options);
      const client = await clientOf(own);
      const how: CancelOptions = {
        graceMs: milliseconds(options.grace ?? ''),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      };
      if (id !== undefined) {
        const task = await client.cancel(id, how);
        return options.json ? printJson(task) : printTask(task);
      }
      const dryRun = options.dryRun === true || options.yes !== true;
      const { done: cancelled, ...sum } = await untilNoneIsLeft(async () => {
        const answer = await client.cancelAll(filter, { ...how, dryRun });
        return { ...answer, done: answer.cancelled };
      });
      if (options.json) printJson({ ...sum, cancelled });
      else if (!dryRun) console.log(`${cancelled} of ${sum.matched} cancelled`);
      else console.log(`${sum.matched} would be cancelled\n${sum.tasks.join('\n')}`);
      // A filter may mean more than was thought: it is done only by a second word.
      if (options.dryRun !== true && options.yes !== true) {
        console.error('nothing was done: say --yes to cancel them');
        done(2);
      }
    });
}

/** An empty word is no number: it would be a grace of 0. */
function milliseconds(seconds: string): number {
  const ms = seconds.trim() === '' ? Number.NaN : Math.round(Number(seconds) * 1_000);
  if (Number.isNaN(ms)) throw new AppError('REQUEST_INVALID', `--grace: "${seconds}" is no number of seconds`);
  return ms;
}
