/** Many schedules, in threads of their own: each has its own virtual clock, and this thread keeps the real one. */
import { Worker } from 'node:worker_threads';
import { CHAPTERS, type Outcome } from './run-schedule.ts';

export type Totals = {
  readonly schedules: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly failed: readonly Outcome[];
};

export type SchedulesOptions = {
  readonly runs: number;
  /** Of the first; the others follow it. */
  readonly seed: number;
  /** Of each schedule; default CHAPTERS. */
  readonly chapters?: number;
  readonly threads: number;
  /** So many failures are enough. Default 1. */
  readonly failuresMax?: number;
  readonly shrink?: boolean;
  /** Told of each, as it ends. */
  readonly onOutcome?: (outcome: Outcome, done: number) => void;
  readonly signal: AbortSignal;
};

export type ThreadData = { readonly seed: number; readonly chapters: number; readonly shrink: boolean };

/** @throws the signal's reason; what a thread throws */
export async function runSchedules(options: SchedulesOptions): Promise<Totals> {
  const { runs, seed, chapters = CHAPTERS, threads, failuresMax = 1, shrink = true, onOutcome, signal } = options;
  const failed: Outcome[] = [];
  const totals = { schedules: 0, virtualMs: 0, events: 0 };
  let next = 0;

  const count = (outcome: Outcome) => {
    totals.schedules += 1;
    totals.virtualMs += outcome.virtualMs;
    totals.events += outcome.events;
    if (outcome.violations.length > 0) failed.push(outcome);
    onOutcome?.(outcome, totals.schedules);
  };

  const runOnThread = async () => {
    const worker = new Worker(new URL('./schedule-thread.ts', import.meta.url));
    try {
      while (next < runs && failed.length < failuresMax) {
        const data = { seed: seed + next, chapters, shrink };
        next += 1;
        count(await runOne(worker, data, signal));
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, runs) }, runOnThread));
  return { ...totals, failed: failed.toSorted((a, b) => a.seed - b.seed) };
}

function runOne(worker: Worker, data: ThreadData, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const onMessage = (outcome: Outcome) => end(() => resolve(outcome));
    const onError = (error: unknown) => end(() => reject(error));
    const onAbort = () => end(() => reject(signal.reason as Error));
    const end = (settle: () => void) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    if (signal.aborted) return reject(signal.reason as Error);
    worker.on('message', onMessage);
    worker.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage(data, []);
  });
}
