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
type Pages = () => AsyncIterable<readonly string[]>;

/** @throws AppError NOTHING_MATCHED, DEADLINE_EXCEEDED (nothing was changed); what kept the very first of them from being done */
export async function runBulk(parts: Parts, bulk: Bulk, context: CallContext): Promise<BulkResult> {
  const endsAt = deadlineOf(context) - ANSWER_MS;
  // What is still to be submitted is not meant, or this would not end under load.
  const before = bulk.selection.before ?? new Date(parts.clock.nowMs() + CLOCK_SLACK_MS);
  const agents = [...new Set((await parts.catalog.all()).map(({ name }) => name))];
  const pages: Pages = () => selectTasks(parts.pool, bulk.among, { ...bulk.selection, before }, agents);

  const sums = await count(bulk, pages, (performance.now() + endsAt) / 2);
  let left = sums.isPartial ? 1 : 0;
  if (!bulk.dryRun) {
    sums.ids = [];
    const isWhole = await workOff(parts, bulk, pages, endsAt, sums);
    left = isWhole ? 0 : Math.max(left, sums.matched - sums.done - sums.passed);
  }
  return { matched: BigInt(sums.matched), done: BigInt(sums.done), left: BigInt(left), ids: sums.ids };
}

/** Where the time for it is not enough, what was counted is worked off, and the caller comes again. */
async function count({ among }: Bulk, pages: Pages, endsAt: number): Promise<Sums> {
  const sums: Sums = { matched: 0, isPartial: false, done: 0, passed: 0, ids: [] };
  for await (const ids of pages()) {
    sums.matched += ids.length;
    sums.ids.push(...ids.slice(0, LIMITS.pageMax - sums.ids.length));
    sums.isPartial = performance.now() >= endsAt;
    if (sums.isPartial) break;
  }
  if (sums.matched > 0) return sums;
  if (!sums.isPartial) throw new AppError('NOTHING_MATCHED', `the filter matches no ${among} task`);
  throw new AppError(
    'DEADLINE_EXCEEDED',
    'not all tasks were looked at in time, and none matched; nothing was changed',
  );
}

/** @returns false: it was not done with all of them */
async function workOff(parts: Parts, bulk: Bulk, pages: Pages, endsAt: number, sums: Sums): Promise<boolean> {
  // Open tasks change places while they are looked for: once more, until none is found. A failed one is retried once.
  for (let doneBefore = -1; doneBefore < sums.done && (doneBefore < 0 || bulk.among === 'open');) {
    doneBefore = sums.done;
    for await (const ids of pages()) {
      for (let from = 0; from < ids.length; from += COMMANDS_AT_ONCE) {
        if (performance.now() >= endsAt) return false;
        if (!(await doThem(parts, bulk, ids.slice(from, from + COMMANDS_AT_ONCE), endsAt, sums))) return false;
      }
    }
  }
  return true;
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
