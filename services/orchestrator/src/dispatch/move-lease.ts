/** The right to move the queue: one at a time, on Postgres' clock, renewed while it is used. Whoever dies gives it back within the lease. */
import { randomUUID } from 'node:crypto';
import { AppError } from '@morningai/core/errors';
import type { Pool } from '@morningai/log/pool';
import { createWaker } from '@morningai/service/waker';
import { holdMove, releaseMove, renewMove } from '../store/redis-move.ts';

const LEASE_MS = 5_000;
const RENEW_MS = 1_000;

export type MoveLease = AsyncDisposable & {
  /** Who has it. */
  readonly mover: string;
  /** Asks Postgres. */
  isHeld(): Promise<boolean>;
};

/** @throws AppError QUEUE_MOVE_RUNNING */
export async function takeMoveLease(pool: Pool): Promise<MoveLease> {
  const mover = randomUUID();
  if (!(await holdMove(pool, mover, LEASE_MS))) throw moveRunning();
  const renew = () => renewMove(pool, mover, LEASE_MS);
  const stop = new AbortController();
  const waker = createWaker();
  const run = async () => {
    while (!stop.signal.aborted) {
      await waker.sleep(RENEW_MS, stop.signal);
      // What it says is asked for where it matters.
      if (!stop.signal.aborted) await renew().catch(() => false);
    }
  };
  const renewing = run();
  return {
    mover,
    isHeld: renew,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await renewing;
      await releaseMove(pool, mover).catch(() => undefined);
    },
  };
}

export function moveRunning(): AppError {
  return new AppError('QUEUE_MOVE_RUNNING', 'the queue is being moved by another command: try again when it is done');
}
