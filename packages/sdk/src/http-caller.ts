/**
 * Calls the API until it answers, for a bounded time: no answer, and an answer that says "later", are tried again with a
 * growing, jittered pause. So every call made through it must be repeatable (reads, and submits with a key), or say that it is not.
 */
import { backoffMs } from '@morningai/core/backoff';
import { ClientError, errorOfAnswer } from './client-error.ts';

export type HttpCall = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** True: never tried again. */
  readonly isOnce?: boolean;
};

export type HttpCaller = {
  /** The JSON of a successful answer. @throws ClientError; the signal's reason */
  json<T>(call: HttpCall): Promise<T>;
  /** A successful answer, unread; the call's own signal ends its body too. @throws ClientError; the signal's reason */
  open(call: HttpCall): Promise<Response>;
};

const BACKOFF = { baseMs: 100, capMs: 2_000 };
const MAX_ATTEMPTS = 20;
/** An attempt without an answer is given up and made again. */
const ATTEMPT_MS = 15_000;
/**
 * Of the call's time, what must be left for one more attempt: this share, at most so much. One that is cut short by the limit would
 * most likely tell of a time-out, and hide what the API has said.
 */
const ROOM = { share: 0.25, mostMs: 1_000 };

export function createHttpCaller(options: {
  readonly url: string;
  readonly apiKey: string;
  readonly timeoutMs: number;
}): HttpCaller {
  const once = async (call: HttpCall, signal: AbortSignal): Promise<Response> => {
    const answer = await fetch(new URL(call.path, options.url), {
      method: call.method,
      signal,
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    if (!answer.ok) throw await errorOfAnswer(answer);
    return answer;
  };

  const persistently = async <T>(
    call: HttpCall,
    use: (signal: AbortSignal, time: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const endsAt = performance.now() + options.timeoutMs;
    const lastBeginsAt = endsAt - Math.min(ROOM.mostMs, ROOM.share * options.timeoutMs);
    for (let failures = 0; ; failures += 1) {
      call.signal?.throwIfAborted();
      const time = AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(ATTEMPT_MS, endsAt - performance.now()))));
      try {
        return await use(anyOf(call.signal, time), time);
      } catch (thrown) {
        call.signal?.throwIfAborted();
        const error = asClientError(thrown, time.aborted);
        const pauseMs = Math.max(BACKOFF.baseMs, backoffMs(failures, BACKOFF, Math.random()));
        const isLast =
          call.isOnce === true || failures + 1 >= MAX_ATTEMPTS || performance.now() + pauseMs >= lastBeginsAt;
        if (!error.retryable || isLast) throw error;
        await pause(pauseMs, call.signal);
      }
    }
  };

  return {
    json: <T>(call: HttpCall) => persistently(call, async (signal) => (await (await once(call, signal)).json()) as T),
    open: (call) =>
      persistently(call, async (_, time) => {
        // The time limit is for the answer's head: its body may go on for long.
        const head = new AbortController();
        const late = () => head.abort(time.reason);
        time.addEventListener('abort', late, { once: true });
        try {
          return await once(call, anyOf(call.signal, head.signal));
        } finally {
          time.removeEventListener('abort', late);
        }
      }),
  };
}

function anyOf(own: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return own === undefined ? other : AbortSignal.any([own, other]);
}

function asClientError(thrown: unknown, isLate: boolean): ClientError {
  if (thrown instanceof ClientError) return thrown;
  if (isLate) return new ClientError('TIMEOUT', 'no answer in time', { retryable: true, cause: thrown });
  const why = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return new ClientError('NETWORK_ERROR', `the API cannot be reached${why}`, { retryable: true, cause: thrown });
}

/** @throws the signal's reason */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', cancel);
      resolve();
    }, ms);
    signal?.addEventListener('abort', cancel, { once: true });
  });
}
