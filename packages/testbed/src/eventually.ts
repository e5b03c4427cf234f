import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Default 15,000. */
  deadlineMs?: number;
  /** Default 25. */
  everyMs?: number;
  signal?: AbortSignal;
}

/** Tries until the check stops throwing, and answers what it answered. At the deadline its last error is thrown. */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { deadlineMs = 15_000, everyMs = 25, signal } = options;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await pause(everyMs, undefined, signal ? { signal } : {});
  }
}
