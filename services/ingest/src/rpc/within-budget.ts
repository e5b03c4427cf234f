/** Tries again while there is time, for what is repeatable: reads, and submits that carry their task's id. */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@morningai/core/backoff';
import { AppError, asAppError, type ErrorCode } from '@morningai/core/errors';

const POLICY = { baseMs: 50, capMs: 500 };
/** An OVERLOADED orchestrator is not asked again by us: the caller is, later. */
const RETRIED: ReadonlySet<ErrorCode> = new Set(['ORCHESTRATOR_UNAVAILABLE', 'STORE_UNAVAILABLE', 'DRAINING']);

export type Attempt = {
  /** Aborts, with an AppError, when the time is over or the caller is gone. */
  readonly signal: AbortSignal;
  readonly remainingMs: number;
};

/**
 * @param signal its reason is thrown when it aborts; must be an AppError
 * @throws AppError of the last attempt; DEADLINE_EXCEEDED when the only attempt got no answer
 */
export async function withinBudget<T>(
  budgetMs: number,
  signal: AbortSignal,
  attempt: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const endsAt = performance.now() + budgetMs;
  const abort = new AbortController();
  const cancel = () => abort.abort(signal.reason);
  let last: AppError | undefined;
  const timer = setTimeout(() => {
    abort.abort(last ?? new AppError('DEADLINE_EXCEEDED', `no answer within ${budgetMs} ms`));
  }, budgetMs);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for (let failures = 0; ; failures += 1) {
      try {
        abort.signal.throwIfAborted();
        return await attempt({ signal: abort.signal, remainingMs: Math.max(1, endsAt - performance.now()) });
      } catch (thrown) {
        const error = asAppError(thrown);
        const retryInMs = Math.max(POLICY.baseMs, backoffMs(failures, POLICY, Math.random()));
        if (abort.signal.aborted) throw asAppError(abort.signal.reason);
        if (!RETRIED.has(error.code) || performance.now() + retryInMs >= endsAt) throw error;
        last = error;
        await delay(retryInMs, undefined, { signal: abort.signal }).catch(() => abort.signal.throwIfAborted());
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
