/** Answers the commands of one task once their append came back. */
import { AppError } from '@morningai/core/errors';
import type { AppendedOrRefused } from './append-bisecting.ts';
import { limitsOf, type DecidedTask } from './task-batch.ts';
import type { Entry, Written } from './write-request.ts';

/** How often one command may lose the race for its task. */
const CONFLICTS_MAX = 100;

export type Settled = {
  /** What is stored now, each in its order. */
  readonly stored: readonly Written[];
  /** What must be decided again. */
  readonly again: readonly Entry[];
};

/**
 * @param result what became of the task's append; null: nothing was to be stored, and that was decided on what Postgres has
 */
export function settleTask(task: DecidedTask<Entry>, result: AppendedOrRefused | null): Settled {
  if (result?.ok === false) return { stored: [], again: refuseTask(task, result) };
  const stored: Written[] = [];
  let told = 0;
  for (const { from, decision } of task.decisions) {
    if (decision.kind === 'refused') {
      from.settle.reject(decision.error);
      continue;
    }
    const { state } = decision;
    const events = decision.kind === 'events' ? decision.events : [];
    const recordedAt = events.length > 0 && result !== null ? result.recordedAt : null;
    const logged = result?.logged.slice(told, (told += events.length)) ?? [];
    const positions = logged.map(({ position }) => position);
    const written = { ...nothingStored(task), state, version: task.version, events, recordedAt, positions };
    if (events.length > 0) stored.push(written);
    from.settle.resolve(written);
  }
  return { stored, again: [] };
}

/** A condition that refused the append was the first command's: conditional commands are the first of their task in a batch. */
function refuseTask(task: DecidedTask<Entry>, result: AppendedOrRefused & { ok: false }): readonly Entry[] {
  const entries = task.decisions.map(({ from }) => from);
  const [first, ...others] = entries;
  if (first === undefined) return [];
  if (mayBeItsStart(first, result.reason)) {
    first.thenStart = null;
    return entries;
  }
  switch (result.reason) {
    case 'conflict':
      return entries.filter((entry) => !wornOut(entry)).map((entry) => Object.assign(entry, { reload: true }));
    case 'stale':
      return entries
        .filter((entry) => !wornOut(entry))
        .map((entry) => Object.assign(entry, { reload: true, distrust: true }));
    case 'value':
      if (others.length > 0) return entries.map((entry) => Object.assign(entry, { alone: true }));
      first.settle.reject(result.error);
      return [];
    case 'limited':
      first.settle.reject(limitReached(task, first));
      return others;
    case 'leased':
    case 'early':
      first.settle.resolve({ ...nothingStored(task), heldBack: result.reason });
      return others;
    case 'duplicate':
      // Its own key: this very submit is in the log.
      if (result.taskId === task.taskId) return entries.map((entry) => Object.assign(entry, { reload: true }));
      settleDuplicate(first, task, result);
      return others;
    default:
      return result satisfies never;
  }
}

/** The Submit is accepted without it, or refused for a reason of its own. */
function mayBeItsStart(entry: Entry, reason: (AppendedOrRefused & { ok: false })['reason']): boolean {
  return entry.thenStart != null && reason !== 'conflict' && reason !== 'duplicate';
}

function wornOut(entry: Entry): boolean {
  entry.conflicts += 1;
  if (entry.conflicts <= CONFLICTS_MAX) return false;
  entry.settle.reject(new AppError('OVERLOADED', 'the task changes faster than it can be written'));
  return true;
}

function settleDuplicate(entry: Entry, task: DecidedTask<Entry>, earlier: { taskId: string; requestDigest: string }) {
  const digest = entry.command.type === 'Submit' ? entry.command.requestDigest : null;
  if (digest === earlier.requestDigest) {
    return entry.settle.resolve({ ...nothingStored(task), duplicateOf: earlier.taskId });
  }
  return entry.settle.reject(
    new AppError('IDEMPOTENCY_MISMATCH', 'this idempotency key was used before with another request'),
  );
}

function nothingStored({ taskId, tenant, before }: DecidedTask<Entry>): Written {
  return { taskId, tenant, ...before, events: [], recordedAt: null, positions: [], duplicateOf: null, heldBack: null };
}

function limitReached(task: DecidedTask<Entry>, first: Entry): AppError {
  const { tenant } = task;
  const { state } = task.before;
  const limits = limitsOf(first, tenant, state);
  const named = limits.map(({ key, max }) => `the limit of ${max} for ${key}`).join(', ');
  const concurrencyKey = state.status === 'none' ? null : (state.concurrencyKey ?? null);
  return new AppError('LIMIT_REACHED', `${named} is reached; try again later`, { details: { tenant, concurrencyKey } });
}
