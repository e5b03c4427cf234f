/**
 * Group commit: concurrent commands become batches, each one statement. A command goes load → decide → append at the version it
 * was decided on; on a conflict it is loaded and decided again, until its deadline. A commit whose reply was lost is unknown:
 * the command is decided again on what is really there, and finds its own event. Two batches at most are on their way, never
 * two with commands of the same task.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { backoffMs } from '@morningai/core/backoff';
import { AppError } from '@morningai/core/errors';
import { isFinished } from '@morningai/core/task';
import { appendBisecting, type AppendedOrRefused } from './append-bisecting.ts';
import { loadTasks } from './load-tasks.ts';
import { createMailbox } from './mailbox.ts';
import type { Pool } from './pool.ts';
import { isBug } from './postgres-failure.ts';
import type { LogEvent } from './read.ts';
import { settleTask } from './settle-task.ts';
import { decideTask, isConditional, type DecidedTask, type KnownTask } from './task-batch.ts';
import type { Entry, WriteRequest, Written } from './write-request.ts';

export type { WriteRequest, Written };

export type TaskWriter = {
  /**
   * Never throws; rejects with an AppError: what `decide` refuses, LIMIT_REACHED, IDEMPOTENCY_MISMATCH, OVERLOADED, VALUE_REFUSED,
   * DRAINING (all of these: nothing was stored), STORE_UNAVAILABLE (`details.outcome` says whether it is unknown), INTERNAL.
   */
  write(request: WriteRequest): Promise<Written>;
  /**
   * Told of every task change this writer knows to be committed, after the commit. One whose reply was lost is not told of: who
   * must know everything follows the log.
   */
  onWritten(listener: (written: Written) => void): void;
  /** The same as events, as they would be read back: batch by batch, which may come out of order. */
  onLogged(listener: (events: readonly LogEvent[]) => void): void;
  readonly waiting: number;
  /** Refuses what is new and what waits, and ends once nothing is on its way. */
  close(): Promise<void>;
};

const CACHED_TASKS = 50_000;
const BATCHES_IN_FLIGHT = 2;
/** A second batch leaves while the first is away only when it is worth a statement of its own. */
const SECOND_BATCH_FROM = 64;
const OUTAGE_BACKOFF = { baseMs: 50, capMs: 1_000 };
/** How late a command that waits may be told that its deadline is over. */
const DEADLINES_EVERY_MS = 100;

export function createTaskWriter(pool: Pool, cachedTasks = CACHED_TASKS): TaskWriter {
  const mailbox = createMailbox<Entry>();
  const known = new LRUCache<string, KnownTask>({ max: cachedTasks });
  const busyTasks = new Set<string>();
  const listeners: ((written: Written) => void)[] = [];
  const logListeners: ((events: readonly LogEvent[]) => void)[] = [];
  const stop = new AbortController();
  const idle = Promise.withResolvers<void>();
  let inFlight = 0;
  let scheduled = false;
  let deadlines: NodeJS.Timeout | undefined;
  /** Failures in a row, and the last of them. */
  let outages = 0;
  let outage: unknown;

  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (stop.signal.aborted) for (const entry of mailbox.remove(() => true)) giveUp(entry);
      while (mailbox.size > 0 && mayLeave()) {
        const batch = takeBatch();
        if (batch.length === 0) break;
        void run(batch);
      }
      if (mailbox.size > 0) deadlines ??= setTimeout(sweepDeadlines, DEADLINES_EVERY_MS);
      else if (inFlight === 0 && stop.signal.aborted) idle.resolve();
    });
  };

  // While Postgres hangs, one batch hangs with it; whoever waits behind it is told in time.
  const sweepDeadlines = () => {
    deadlines = undefined;
    for (const entry of mailbox.remove(isOver)) giveUp(entry);
    if (mailbox.size > 0) deadlines = setTimeout(sweepDeadlines, DEADLINES_EVERY_MS);
  };

  const mayLeave = () =>
    inFlight === 0 || (outages === 0 && inFlight < BATCHES_IN_FLIGHT && mailbox.size >= SECOND_BATCH_FROM);

  const takeBatch = () => {
    const inBatch = new Map<string, { alone: boolean }>();
    const keys = new Set<string>();
    return mailbox.take((entry) => {
      if (busyTasks.has(entry.taskId)) return false;
      const mates = inBatch.get(entry.taskId);
      if (mates !== undefined && (mates.alone || entry.alone || isConditional(entry))) return false;
      const key = entry.command.type === 'Submit' ? entry.command.idempotencyKey : null;
      if (key !== null) {
        // Of two submits with one key, the second waits to find the first in the log.
        const scoped = JSON.stringify([entry.tenant, key]);
        if (keys.has(scoped)) return false;
        keys.add(scoped);
      }
      inBatch.set(entry.taskId, { alone: entry.alone });
      return true;
    });
  };

  const run = async (batch: readonly Entry[]) => {
    const taskIds = new Set(batch.map((entry) => entry.taskId));
    for (const taskId of taskIds) busyTasks.add(taskId);
    inFlight += 1;
    try {
      const again = await commit(stillWanted(batch));
      mailbox.putBack(again);
      outages = 0;
      outage = undefined;
    } catch (error) {
      for (const taskId of taskIds) known.delete(taskId);
      if (isBug(error)) rejectAll(batch, new AppError('INTERNAL', 'internal error', { cause: error }));
      else await retryAfterOutage(batch, error);
    } finally {
      for (const taskId of taskIds) busyTasks.delete(taskId);
      inFlight -= 1;
      schedule();
    }
  };

  /** @returns what must be decided again */
  const commit = async (batch: readonly Entry[]): Promise<readonly Entry[]> => {
    const loaded = await load(batch);
    const byTask = Map.groupBy(batch, (entry) => entry.taskId);
    const decided = [...byTask].map(([taskId, entries]) =>
      decideTask(known.get(taskId) ?? loaded.get(taskId), entries),
    );
    const storing = decided.filter((task) => task.append !== null);
    const appends = storing.flatMap(({ append }) => append ?? []);
    const sent = storing.flatMap(entriesOf);
    for (const entry of sent) entry.sent = true;
    const results = appends.length === 0 ? [] : await appendBisecting(pool, appends);
    for (const entry of sent) entry.sent = false;
    const logged = results.flatMap((result) => (result.ok ? result.logged : []));
    for (const listener of logListeners) tell(listener, logged);
    const resultOf = new Map(storing.map((task, index) => [task, results[index] ?? null]));
    return decided.flatMap((task) => {
      const result = resultOf.get(task) ?? null;
      if (result !== null || loaded.has(task.taskId)) return settle(task, result);
      // An append proves the version it was decided on; a repeat or a refusal decided from memory proves nothing yet.
      return entriesOf(task).map((entry) => Object.assign(entry, { reload: true }));
    });
  };

  /** @returns the tasks that were read from Postgres, whether they are there or not: a batch may be of more than are remembered */
  const load = async (batch: readonly Entry[]): Promise<ReadonlyMap<string, KnownTask | undefined>> => {
    // A task that is being submitted is taken to be new; if it is not, the append says so.
    const fresh = new Set(batch.filter((e) => e.command.type === 'Submit' && !e.reload).map((e) => e.taskId));
    for (const entry of batch) if (entry.reload) known.delete(entry.taskId);
    const missing = batch.map((entry) => entry.taskId).filter((taskId) => !known.has(taskId) && !fresh.has(taskId));
    const loaded = new Map<string, KnownTask | undefined>(missing.map((taskId) => [taskId, undefined]));
    const distrusted = new Set(batch.filter((entry) => entry.distrust).map((entry) => entry.taskId));
    if (loaded.size === 0) return loaded;
    for (const task of await loadTasks(pool, [...loaded.keys()], distrusted)) {
      loaded.set(task.id, task);
      remember(task.id, task);
    }
    return loaded;
  };

  const settle = (task: DecidedTask<Entry>, result: AppendedOrRefused | null): readonly Entry[] => {
    const { taskId, append, version, state } = task;
    // What is finished is hardly asked for again.
    if (result?.ok === false || isFinished(state)) known.delete(taskId);
    else if (append !== null) remember(taskId, { tenant: append.tenant, version, state });
    const { stored, again } = settleTask(task, result);
    for (const written of stored) for (const listener of listeners) tell(listener, written);
    return again;
  };

  const remember = (taskId: string, task: KnownTask) => {
    // A batch that ends late must not put an older version over a newer one.
    if ((known.get(taskId)?.version ?? 0) < task.version) known.set(taskId, task);
  };

  const retryAfterOutage = async (batch: readonly Entry[], error: unknown) => {
    outages += 1;
    outage = error;
    for (const entry of batch) {
      // What was sent may have happened.
      entry.unknown ||= entry.sent;
      entry.sent = false;
      entry.reload = true;
    }
    mailbox.putBack(stillWanted(batch));
    schedule();
    const pauseMs = backoffMs(outages, OUTAGE_BACKOFF, Math.random());
    await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
  };

  const stillWanted = (batch: readonly Entry[]) => {
    const over = new Set(batch.filter(isOver));
    over.forEach(giveUp);
    return batch.filter((entry) => !over.has(entry));
  };

  const isOver = (entry: Entry) => stop.signal.aborted || performance.now() >= entry.deadlineAt;

  const giveUp = (entry: Entry) => entry.settle.reject(gaveUp(entry, stop.signal.aborted, outage));

  return {
    write(request) {
      const { promise, resolve, reject } = Promise.withResolvers<Written>();
      const fresh = { conflicts: 0, alone: false, reload: false, distrust: false, sent: false, unknown: false };
      try {
        if (stop.signal.aborted) throw new AppError('DRAINING', 'the log writer is closing');
        mailbox.put({ ...request, ...fresh, settle: { resolve, reject } });
        schedule();
      } catch (error) {
        reject(error);
      }
      return promise;
    },
    onWritten: (listener) => void listeners.push(listener),
    onLogged: (listener) => void logListeners.push(listener),
    get waiting() {
      return mailbox.size;
    },
    async close() {
      stop.abort();
      schedule();
      await idle.promise;
      clearTimeout(deadlines);
    },
  };
}

function entriesOf(task: DecidedTask<Entry>): readonly Entry[] {
  return task.decisions.map(({ from }) => from);
}

function rejectAll(entries: readonly Entry[], error: AppError): void {
  for (const entry of entries) entry.settle.reject(error);
}

function gaveUp(entry: Entry, closing: boolean, outage: unknown): AppError {
  if (entry.unknown || (outage !== undefined && !closing)) {
    const why = outage instanceof Error ? `: ${outage.message}` : '';
    const details = { outcome: entry.unknown ? 'unknown' : 'nothing stored' };
    return new AppError('STORE_UNAVAILABLE', `postgres did not answer in time${why}`, { cause: outage, details });
  }
  if (closing) return new AppError('DRAINING', 'the log writer is closing; nothing was stored');
  return new AppError('OVERLOADED', 'the command waited past its deadline; nothing was stored');
}

/** A listener that throws is a bug of its own: it must end the process, not look like an outage of Postgres. */
function tell<Told>(listener: (told: Told) => void, told: Told): void {
  try {
    listener(told);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
