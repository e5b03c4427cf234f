/** What the commands have in common that act on many tasks. */
import { ClientError, type BulkAnswer } from '@morningai/sdk';
import { AppError } from '@morningai/core/errors';
import type { Command } from 'commander';

export type BulkOptions = {
  agent?: string;
  label?: string;
  before?: string;
  all?: true;
  dryRun?: boolean;
  json?: boolean;
};

export function withFilter(command: Command): Command {
  return command
    .option('--agent <name>', 'of this agent')
    .option('--label <name:value>', 'with this label, or only a name')
    .option('--before <time>', 'created before this time (ISO 8601)')
    .option('--all', 'every one')
    .option('--dry-run', 'say which, and change nothing')
    .option('--json', 'as JSON');
}

export function filterOf({ agent, label, before, all }: BulkOptions) {
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(label === undefined ? {} : { label }),
    ...(before === undefined ? {} : { before }),
    ...(all === undefined ? {} : { all }),
  };
}

/** Either one task or a filter. @throws AppError REQUEST_INVALID */
export function refuseBoth(id: string | undefined, filter: object, example: string): void {
  const isFiltered = Object.keys(filter).length > 0;
  if (id === undefined && !isFiltered) {
    throw new AppError('REQUEST_INVALID', `name a task, or say which: ${example}; every one: --all`);
  }
  if (id !== undefined && isFiltered) throw new AppError('REQUEST_INVALID', 'name a task or give a filter, not both');
}

/** Whoever says it trusts that nothing is changed. @throws AppError REQUEST_INVALID */
export function refuseDryRunOfOne(id: string | undefined, { dryRun }: BulkOptions): void {
  if (id !== undefined && dryRun) throw new AppError('REQUEST_INVALID', '--dry-run is for a filter, not for one task');
}

export type Bulk = BulkAnswer & { readonly done: number };

/** Asks again while the answer says that tasks are left. */
export async function untilNoneIsLeft(ask: () => Promise<Bulk>): Promise<Bulk> {
  let sum = await ask();
  while (sum.left > 0 && !sum.dryRun) {
    const { matched, done, tasks } = sum;
    console.error(`${done} done, ${sum.left} left`);
    const next = await ask().catch((error: unknown) => {
      // Meanwhile they have ended by themselves.
      if (error instanceof ClientError && error.code === 'NOTHING_MATCHED') return null;
      throw error;
    });
    if (next === null) return { ...sum, left: 0 };
    sum = { ...next, matched, done: done + next.done, tasks: tasks.length > 0 ? tasks : next.tasks };
  }
  return sum;
}
