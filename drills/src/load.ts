/**
 * Submits tasks over HTTP and keeps the book: what was asked for, what was answered, under which key. Every request has a key and is
 * repeated under it until it is accepted or refused for good, as a caller is told to. In flight and in all it is bounded.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** One task somebody asked for. */
export type Entry = {
  readonly key: string;
  /** Ids it was accepted under: one, unless the promise is broken. */
  readonly ids: ReadonlySet<string>;
  /** `accepted`: an answer said so. `unknown`: none came. `refused`: for good. */
  readonly state: 'accepted' | 'unknown' | 'refused';
  /** How it must end. */
  readonly outcome: 'completed' | 'failed';
};

export type Request = {
  readonly agent: string;
  readonly input: unknown;
  readonly maxAttempts?: number;
  /** Default: a new one. */
  readonly key?: string;
  /** Default `completed`. */
  readonly outcome?: Entry['outcome'];
};

export type Book = {
  /** All keys of this run begin so. */
  readonly prefix: string;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Answers that were neither 2xx nor the last word, by code; "no answer" among them. */
  readonly setbacks: ReadonlyMap<string, number>;
  /** From the first request of a task to its acceptance, the longest, ms. */
  readonly slowestAcceptMs: number;
};

export type Load = {
  readonly book: Book;
  readonly accepted: number;
  /** Submits one task beside the load. Resolves when it is accepted. @throws when it is not */
  submit(request: Request): Promise<string>;
  /** Submits many of one kind, in batches. Resolves when all are accepted. @throws when they are not */
  submitMany(count: number, request: Omit<Request, 'key'>): Promise<readonly string[]>;
  /** So many more tasks were accepted than at the call. */
  untilAccepted(more: number): Promise<void>;
  /** Ends the stream of tasks and waits for its answers. */
  finish(): Promise<void>;
};

export type LoadOptions = {
  readonly ingestUrl: string;
  readonly apiKey: string;
  readonly prefix: string;
  /** Half of it at once, so that there is a backlog; the rest, and more while the fault lasts, at a steady pace. */
  readonly tasks: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
};

const ATTEMPT_MS = 10_000;
const PERSIST_MS = 60_000;
const PAUSE_MS = 100;
const IN_FLIGHT_MAX = 200;
const TICK_MS = 20;
const BATCH = 500;
/** Tasks a second, as a share of `tasks`: below what the worker's slots drain. */
const PACE = 0.15;
/** Ten minutes of it, and some. */
const TASKS_MAX_FACTOR = 120;

const accepted = z.looseObject({ id: z.string() });
const problem = z.looseObject({ code: z.string() });
const batchAnswer = z.looseObject({ tasks: z.array(accepted) });

type Writable = { ids: Set<string>; state: Entry['state'] };

export function startLoad(options: LoadOptions): Load {
  const { prefix, tasks, random, signal } = options;
  const entries = new Map<string, Entry & Writable>();
  const setbacks = new Map<string, number>();
  const waiting = new Set<{ target: number; resolve: () => void }>();
  let acceptedCount = 0;
  let slowestAcceptMs = 0;
  const finishing = new AbortController();
  let issued = 0;

  const setBack = (code: string) => void setbacks.set(code, (setbacks.get(code) ?? 0) + 1);

  const submit = async ({ outcome = 'completed', key = `${prefix}${(issued += 1)}`, ...body }: Request) => {
    const entry = { key, ids: new Set<string>(), state: 'unknown' as Entry['state'], outcome };
    entries.set(key, entry);
    const startedAt = performance.now();
    for (;;) {
      signal.throwIfAborted();
      const answer = await post(options, key, body, signal);
      if (answer.kind === 'accepted') {
        entry.ids.add(answer.id);
        entry.state = 'accepted';
        acceptedCount += 1;
        slowestAcceptMs = Math.max(slowestAcceptMs, performance.now() - startedAt);
        for (const one of waiting) if (acceptedCount >= one.target) one.resolve();
        return answer.id;
      }
      setBack(answer.code);
      if (answer.kind === 'refused') {
        entry.state = 'refused';
        throw new Error(`${key} was refused: ${answer.code}`);
      }
      if (performance.now() - startedAt > PERSIST_MS) throw new Error(`${key} was never accepted: ${answer.code}`);
      await delay(PAUSE_MS * (1 + random()), undefined, { signal });
    }
  };

  const submitMany = async (many: number, { outcome = 'completed', ...body }: Omit<Request, 'key'>) => {
    const ids: string[] = [];
    for (let left = many; left > 0; left -= BATCH) {
      const batch = Array.from({ length: Math.min(left, BATCH) }, () => {
        const entry = {
          key: `${prefix}${(issued += 1)}`,
          ids: new Set<string>(),
          state: 'unknown' as Entry['state'],
          outcome,
        };
        entries.set(entry.key, entry);
        return entry;
      });
      const answered = await persist(() =>
        postBatch(
          options,
          batch.map(({ key }) => ({ ...body, idempotencyKey: key })),
          signal,
        ),
      );
      for (const [index, entry] of batch.entries()) {
        const id = answered[index];
        if (id === undefined) throw new Error(`${entry.key} was not accepted`);
        entry.ids.add(id);
        entry.state = 'accepted';
        acceptedCount += 1;
        ids.push(id);
      }
    }
    for (const one of waiting) if (acceptedCount >= one.target) one.resolve();
    return ids;
  };

  /** A batch is repeated as a whole: those that were accepted answer with the first task. */
  const persist = async (batch: () => Promise<readonly string[] | null>) => {
    const startedAt = performance.now();
    for (;;) {
      const answered = await batch();
      if (answered !== null) return answered;
      setBack('batch');
      if (performance.now() - startedAt > PERSIST_MS) throw new Error('a batch was never accepted');
      await delay(PAUSE_MS, undefined, { signal });
    }
  };

  const stream = async () => {
    const flying = new Set<Promise<unknown>>();
    const most = tasks * TASKS_MAX_FACTOR;
    const startedAt = performance.now();
    for (let sent = 0; !(finishing.signal.aborted && sent >= tasks) && sent < most;) {
      signal.throwIfAborted();
      const wanted = tasks / 2 + (PACE * tasks * (performance.now() - startedAt)) / 1_000;
      while (sent < Math.min(wanted, most) && flying.size < IN_FLIGHT_MAX) {
        sent += 1;
        const input = { n: sent, delayMs: 100 + Math.floor(200 * random()), steps: sent % 3 };
        const one: Promise<unknown> = submit({ agent: 'echo', input })
          // The book has it: the check will say so.
          .catch(() => undefined)
          .finally(() => flying.delete(one));
        flying.add(one);
      }
      await delay(TICK_MS);
    }
    await Promise.all(flying);
  };
  const streaming = stream();
  streaming.catch(() => undefined);

  return {
    book: {
      prefix,
      entries,
      setbacks,
      get slowestAcceptMs() {
        return slowestAcceptMs;
      },
    },
    get accepted() {
      return acceptedCount;
    },
    submit,
    submitMany,
    async untilAccepted(more) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const one = { target: acceptedCount + more, resolve };
      waiting.add(one);
      await Promise.race([promise, streaming]).finally(() => waiting.delete(one));
    },
    async finish() {
      finishing.abort();
      await streaming;
    },
  };
}

type Posted =
  { readonly kind: 'accepted'; readonly id: string } | { readonly kind: 'later' | 'refused'; readonly code: string };

const LATER: ReadonlySet<number> = new Set([408, 429, 503, 504]);

/** One request, as any program would make it. Never throws but the signal's reason. */
export async function post(
  options: Pick<LoadOptions, 'ingestUrl' | 'apiKey'>,
  key: string,
  body: unknown,
  signal: AbortSignal,
): Promise<Posted> {
  try {
    const answer = await fetch(`${options.ingestUrl}/v1/tasks`, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    });
    const said: unknown = await answer.json();
    if (answer.ok) return { kind: 'accepted', id: accepted.parse(said).id };
    return { kind: LATER.has(answer.status) ? 'later' : 'refused', code: problem.parse(said).code };
  } catch {
    signal.throwIfAborted();
    return { kind: 'later', code: 'no answer' };
  }
}

/** @returns the ids in order; null: not all were accepted, or nothing is known */
async function postBatch(
  { ingestUrl, apiKey }: Pick<LoadOptions, 'ingestUrl' | 'apiKey'>,
  tasks: readonly unknown[],
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  try {
    const answer = await fetch(`${ingestUrl}/v1/tasks:batch`, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tasks }),
    });
    const read = batchAnswer.safeParse(await answer.json());
    return read.success ? read.data.tasks.map(({ id }) => id) : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
