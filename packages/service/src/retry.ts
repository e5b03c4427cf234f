import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@morningai/core/backoff';
import { reason, type Logger } from './logger.ts';

const POLICY = { baseMs: 100, capMs: 2_000 };

/**
 * Tries until it works, with backoff: for what a service needs before it is ready. Each failure is logged with what was tried.
 * @throws the signal's reason once it aborts
 */
export async function untilItWorks<T>(
  what: {
    readonly logger: Logger;
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
    /** True for an error that no retry mends: it is thrown. */
    readonly giveUp?: (error: unknown) => boolean;
  },
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (what.giveUp?.(error)) throw error;
      const retryInMs = Math.max(POLICY.baseMs, backoffMs(failures, POLICY, Math.random()));
      what.logger.warn({ ...what.fields, why: reason(error), retryInMs }, what.message);
      await delay(retryInMs, undefined, { signal });
    }
  }
}
