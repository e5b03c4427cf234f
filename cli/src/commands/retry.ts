import { AppError } from '@morningai/core/errors';
import type { Command } from 'commander';
import { clientOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson } from '../table.ts';
import { filterOf, refuseBoth, refuseDryRunOfOne, untilNoneIsLeft, withFilter, type BulkOptions } from './bulk.ts';
import { printTask } from './task.ts';

type Options = BulkOptions & { failed?: boolean; errorCode?: string };

export function addRetry(program: Command, _done: Done): void {
  const command = program
    .command('retry')
    .description('Retry a failed task, or with --failed those that a filter matches; recorded steps are not run again')
    .argument('[id]', 'one task')
    .option('--failed', 'those of the failed registry')
    .option('--error-code <code>', 'that failed with this error');
  withFilter(command).action(async (id: string | undefined, options: Options, own: Command) => {
    const { errorCode } = options;
    const filter = { ...filterOf(options), ...(errorCode === undefined ? {} : { errorCode }) };
    refuseBoth(id, filter, '--failed with --agent, --label, --error-code, --before');
    refuseDryRunOfOne(id, options);
    if (id !== undefined && options.failed)
      throw new AppError('REQUEST_INVALID', 'name a task or say --failed, not both');
    const client = await clientOf(own);
    if (id !== undefined) {
      const task = await client.retry(id);
      return options.json ? printJson(task) : printTask(task);
    }
    if (!options.failed) throw new AppError('REQUEST_INVALID', 'say --failed to retry what a filter matches');
    const dryRun = options.dryRun === true;
    const { done: retried, ...sum } = await untilNoneIsLeft(async () => {
      const answer = await client.retryFailed(filter, { dryRun });
      return { ...answer, done: answer.retried };
    });
    if (options.json) return printJson({ ...sum, retried });
    if (!dryRun) return console.log(`${retried} of ${sum.matched} retried`);
    return console.log(`${sum.matched} would be retried\n${sum.tasks.join('\n')}`);
  });
}
