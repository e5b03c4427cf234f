/**
 * One command for every task of a selection, page by page: so many rows are looked at and so many commands are on their way at once, whatever
 * the selection matches. They are counted first: a selection that matches nothing changes nothing.
 */
import { performance } from 'node:perf_hooks';
import { AppError, asAppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import type { Command } from '@morningai/core/task';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { CallContext } from '@morningai/rpc/server';
import type { BulkResult } from '@morningai/rpc/tasks';
import type { TaskSelection } from '../domain/task-selection.ts';
import { selectTasks, type SelectedPage } from '../store/select-tasks.ts';
import { COMMAND_BYTES } from './cancel-task.ts';
import { deadlineOf } from './deadline.ts';
import type { Parts } from './parts.ts';

const ROWS_PER_PAGE = 10_000;
/** On their way at once: one batch. */
const COMMANDS_AT_ONCE = 500;
/** Kept for the answer. */
const ANSWER_MS = 500;

export type Bulk = {
  readonly among: 'open' | 'failed';
  readonly selection: TaskSelection;
  readonly command: Command;
  readonly limits: readonly { readonly key: string; readonly max: number }[];
  readonly dryRun: boolean;
};

type Sums = { matched: number; done: number; passed: number; ids: string[] };

/** @throws AppError NOTHING_MATCHED, DEADLINE_EXCEEDED (nothing was changed); what kept the very first of them from being done */
export async function runBulk(parts: Parts, bulk: Bulk, context: CallContext): Promise<BulkResult> {
  const endsAt = deadlineOf(context) - ANSWER_MS;
  const isOver = () => performance.now() >= endsAt || context.signal.aborted;
  const sums: Sums = { matched: 0, done: 0, passed: 0, ids: [] };
  for await (const ids of pages(parts, bulk)) {
    if (isOver()) throw new AppError('DEADLINE_EXCEEDED', 'the tasks were not counted in time; nothing was changed');
    sums.matched += ids.length;
    sums.ids.push(...ids.slice(0, LIMITS.pageMax - sums.ids.length));
  }
  if (sums.matched === 0) throw new AppError('NOTHING_MATCHED', `the filter matches no ${bulk.among} task`);
  if (bulk.dryRun) return answer(sums, 0);
  sums.ids = [];
  for await (const ids of pages(parts, bulk)) {
    for (let from = 0; from < ids.length; from += COMMANDS_AT_ONCE) {
      if (isOver() || !(await doThem(parts, bulk, ids.slice(from, from + COMMANDS_AT_ONCE), endsAt, sums))) {
        return answer(sums, Math.max(0, sums.matched - sums.done - sums.passed));
      }
    }
  }
  return answer(sums, 0);
}

async function* pages(parts: Parts, { among, selection }: Bulk): AsyncGenerator<readonly string[]> {
  let page: SelectedPage = { ids: [], after: null };
  do {
    const from = { after: page.after, rows: ROWS_PER_PAGE };
    page = await selectTasks(parts.pool, among, selection, from).catch(storeUnavailable);
    yield page.ids;
  } while (page.after !== null);
}

/** @returns false: one of them could not be done now, and neither could the next */
async function doThem(
  { writer }: Parts,
  { command, limits, selection }: Bulk,
  ids: readonly string[],
  deadlineAt: number,
  sums: Sums,
): Promise<boolean> {
  const write = (taskId: string) =>
    writer.write({
      taskId,
      tenant: selection.tenant,
      command,
      limits,
      urgency: 'submit',
      bytes: COMMAND_BYTES,
      deadlineAt,
    });
  const results = await Promise.allSettled(ids.map(write));
  let hindrance: AppError | null = null;
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled' && result.value.events.length > 0) {
      sums.done += 1;
      if (sums.ids.length < LIMITS.pageMax) sums.ids.push(ids[index] ?? '');
      continue;
    }
    const error = result.status === 'rejected' ? asAppError(result.reason) : null;
    // It has gone on since it was selected: it is not what was meant any more.
    if (error === null || error.kind === 'conflict') sums.passed += 1;
    else hindrance = error;
  }
  if (hindrance !== null && sums.done === 0) throw hindrance;
  return hindrance === null;
}

function answer({ matched, done, ids }: Sums, left: number): BulkResult {
  return { matched: BigInt(matched), done: BigInt(done), left: BigInt(left), ids };
}
