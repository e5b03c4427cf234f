/**
 * One command for every task of a selection, page by page: so many rows are looked at and so many commands are on their way at once, whatever
 * the selection matches. They are counted first: a selection that matches nothing changes nothing.
 */
import { performance } from 'node:perf_hooks';
import { AppError, asAppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import type { Command } from '@morningai/core/task';
import type { CallContext } from '@morningai/rpc/server';
import type { BulkResult } from '@morningai/rpc/tasks';
import type { TaskSelection } from '../domain/task-selection.ts';
import { selectTasks } from '../store/select-tasks.ts';
import { COMMAND_BYTES } from './cancel-task.ts';
import { deadlineOf } from './deadline.ts';
import type { Parts } from './parts.ts';

/** On their way at once: one batch. */
const COMMANDS_AT_ONCE = 500;
/** Kept for the answer. */
const ANSWER_MS = 500;
/** How far Postgres' clock may be ahead of what this process has last seen of it. */
const CLOCK_SLACK_MS = 1_000;

export type Bulk = {
  readonly among: 'open' | 'failed';
  readonly selection: TaskSelection;
  readonly command: Command;
  readonly limits: readonly { readonly key: string; readonly max: number }[];
  readonly dryRun: boolean;
};

/** `isPartial`: there are more that match. */
type Sums = { matched: number; isPartial: boolean; done: number; passed: number; ids: string[] };

/** @throws AppError NOTHING_MATCHED, DEADLINE_EXCEEDED (nothing was changed); what kept the very first of them from being done */
export async function runBulk(parts: Parts, asked: Bulk, context: CallContext): Promise<BulkResult> {
  const endsAt = deadlineOf(context) - ANSWER_MS;
  const isOver = () => performance.now() >= endsAt || context.signal.aborted;
  // Half of the time is for the count. Where that is not enough, what was counted is worked off, and the caller comes again.
  const countedBy = (performance.now() + endsAt) / 2;
  // What is still to be submitted is not meant, or this would not end under load.
  const before = asked.selection.before ?? new Date(parts.clock.nowMs() + CLOCK_SLACK_MS);
  const bulk = { ...asked, selection: { ...asked.selection, before } };
  const agents = [...new Set((await parts.catalog.all()).map(({ name }) => name))];
  const pages = () => selectTasks(parts.pool, bulk.among, bulk.selection, agents);

  const sums: Sums = { matched: 0, isPartial: false, done: 0, passed: 0, ids: [] };
  for await (const ids of pages()) {
    sums.matched += ids.length;
    sums.ids.push(...ids.slice(0, LIMITS.pageMax - sums.ids.length));
    sums.isPartial = performance.now() >= countedBy;
    if (sums.isPartial) break;
  }
  if (sums.matched === 0) throw noneMatched(bulk, sums);
  if (bulk.dryRun) return answer(sums, sums.isPartial ? 1 : 0);

  sums.ids = [];
  // Open tasks change places while they are looked for: once more, until none is found. A failed one is retried once.
  for (let doneBefore = -1; doneBefore < sums.done && (doneBefore < 0 || bulk.among === 'open');) {
    doneBefore = sums.done;
    for await (const ids of pages()) {
      for (let from = 0; from < ids.length; from += COMMANDS_AT_ONCE) {
        if (isOver() || !(await doThem(parts, bulk, ids.slice(from, from + COMMANDS_AT_ONCE), endsAt, sums))) {
          return answer(sums, Math.max(sums.isPartial ? 1 : 0, sums.matched - sums.done - sums.passed));
        }
      }
    }
  }
  return answer(sums, 0);
}

function noneMatched({ among }: Bulk, { isPartial }: Sums): AppError {
  return isPartial
    ? new AppError('DEADLINE_EXCEEDED', 'not all tasks were looked at in time, and none matched; nothing was changed')
    : new AppError('NOTHING_MATCHED', `the filter matches no ${among} task`);
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
