/**
 * Submits tasks and follows them, over the HTTP API. Every call has a deadline and is tried again while it lasts; a submit
 * carries an idempotency key, made here unless given, so that a try again after a lost reply makes no second task.
 */
import { ClientError } from './client-error.ts';
import { createHttpCaller } from './http-caller.ts';
import { watchTask } from './watch-task.ts';

export type TaskStatus = 'scheduled' | 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';

export type Task = {
  readonly id: string;
  readonly traceId: string;
  readonly tenant: string;
  readonly agent: string;
  readonly status: TaskStatus;
  readonly input: unknown;
  /** Null until the task completed. */
  readonly output: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempt: number;
  readonly failures: number;
  readonly maxAttempts: number;
  readonly priority: number;
  /** How its newest attempt was claimed; null where it had none, and in lists. `direct`: as it became due, by no lane. */
  readonly lane: 'queue' | 'log' | 'direct' | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly usage: unknown;
  /** Times are ISO 8601, in UTC. */
  readonly createdAt: string | null;
  readonly dueAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly expiresAt: string | null;
  /** 1, and one more with each retry after a failure. */
  readonly life: number;
};

export type TaskEvent = {
  /** Its place in the whole log. */
  readonly position: number;
  /** Its place in the task's history: 1, 2, 3 … */
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  readonly recordedAt: string;
};

export type Why = {
  readonly id: string;
  readonly status: TaskStatus;
  /** DUE_NOW, DUE_LATER, RETRY_LATER, NO_WORKER, NO_FREE_SLOT, LIMIT_REACHED, RUNNING, WORKER_SILENT, CANCELLING, EXPIRED, FINISHED; more may come. */
  readonly reason: string;
  readonly text: string;
  readonly since: string | null;
  /** How a queued task reaches a worker now; null for others. */
  readonly lane: 'queue' | 'log' | null;
  /** What is in it depends on the reason. */
  readonly details: Readonly<Record<string, unknown>>;
};

export type TaskRequest = {
  readonly agent: string;
  readonly input: unknown;
  /** 1 to 255 visible ASCII characters. The same key and request, whenever, answer the first task. */
  readonly idempotencyKey?: string;
  /** 0 (most urgent) to 3. Default 2. */
  readonly priority?: number;
  readonly dueAt?: Date | string;
  readonly expiresAt?: Date | string;
  /** Default: the agent's own. */
  readonly maxAttempts?: number;
  readonly concurrencyKey?: string;
  readonly labels?: Readonly<Record<string, string>>;
};

export type TaskFilter = {
  readonly status?: TaskStatus;
  readonly agent?: string;
  /** "name", or "name:value". */
  readonly label?: string;
  /** `next` of the page before. */
  readonly cursor?: string;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
};

export type CallOptions = { readonly signal?: AbortSignal };

/** All that is given must be true of a task; nothing given is refused, unless `all` says that every one is meant. */
export type BulkFilter = {
  /** At most 1,000. */
  readonly ids?: readonly string[];
  readonly agent?: string;
  /** "name", or "name:value". */
  readonly label?: string;
  /** Created before this time. */
  readonly before?: Date | string;
  readonly all?: true;
};

export type CancelOptions = {
  readonly reason?: string;
  /** What a running attempt has to complete or to give up, ms. Default 10,000. */
  readonly graceMs?: number;
};

/** `left`: at least so many were not reached in time, so call again. `tasks`: ids of the first 1,000 that were done; in a dry run, that matched. */
export type BulkAnswer = {
  readonly matched: number;
  readonly left: number;
  readonly tasks: readonly string[];
  readonly dryRun: boolean;
};

/** Every method throws ClientError, or the reason of its signal. */
export type Client = {
  submit(request: TaskRequest, options?: CallOptions): Promise<Task>;
  get(id: string, options?: CallOptions): Promise<Task>;
  /** Why the task is where it is. */
  why(id: string, options?: CallOptions): Promise<Why>;
  /** Newest first. `next` is null on the last page. */
  list(
    filter?: TaskFilter,
    options?: CallOptions,
  ): Promise<{ readonly tasks: readonly Task[]; readonly next: string | null }>;
  /** The events so far. */
  events(id: string, options?: CallOptions): Promise<readonly TaskEvent[]>;
  /** The events so far and all that come, until the outcome. Outages on the way are waited for. */
  watch(id: string, options?: CallOptions & { readonly after?: number }): AsyncGenerator<TaskEvent, void>;
  /** A running task ends within the grace, unless it completes before. @throws ClientError TASK_FINISHED */
  cancel(id: string, options?: CallOptions & CancelOptions): Promise<Task>;
  /** Opens the next life of a failed task. @throws ClientError TASK_NOT_FAILED */
  retry(id: string, options?: CallOptions): Promise<Task>;
  /** Open tasks. Made once, whatever happens: see `left`. @throws ClientError NOTHING_MATCHED */
  cancelAll(
    filter: BulkFilter & { readonly status?: 'scheduled' | 'queued' | 'running' | 'waiting' },
    options?: CallOptions & CancelOptions & { readonly dryRun?: boolean },
  ): Promise<BulkAnswer & { readonly cancelled: number }>;
  /** Failed tasks; `errorCode` is that of their error. Made once, whatever happens. @throws ClientError NOTHING_MATCHED */
  retryFailed(
    filter: BulkFilter & { readonly errorCode?: string },
    options?: CallOptions & { readonly dryRun?: boolean },
  ): Promise<BulkAnswer & { readonly retried: number }>;
  /** Submits, and waits for the outcome. @throws ClientError with the task's own code when it fails; `details` is the task */
  run(request: TaskRequest, options?: CallOptions): Promise<Task>;
};

const TIMEOUT_MS = 30_000;
const EVENTS_PER_PAGE = 1_000;

/** @param options.timeoutMs how long one call may take, with its tries. Default 30,000 */
export function createClient(options: {
  /** Of ingest: "http://127.0.0.1:8080". */
  readonly url: string;
  readonly apiKey: string;
  readonly timeoutMs?: number;
}): Client {
  const http = createHttpCaller({ ...options, timeoutMs: options.timeoutMs ?? TIMEOUT_MS });

  const client: Client = {
    submit: ({ idempotencyKey = crypto.randomUUID(), ...body }, { signal } = {}) =>
      http.json({ method: 'POST', path: '/v1/tasks', headers: { 'idempotency-key': idempotencyKey }, body, signal }),
    get: (id, { signal } = {}) => http.json({ method: 'GET', path: pathOf(id), signal }),
    why: (id, { signal } = {}) => http.json({ method: 'GET', path: `${pathOf(id)}/why`, signal }),
    list: (filter = {}, { signal } = {}) => http.json({ method: 'GET', path: `/v1/tasks${queryOf(filter)}`, signal }),
    events: async (id, { signal } = {}) => {
      const events: TaskEvent[] = [];
      for (let after: number | null = 0; after !== null;) {
        const page: { events: TaskEvent[]; next: number | null } = await http.json({
          method: 'GET',
          path: `${pathOf(id)}/events${queryOf({ after, limit: EVENTS_PER_PAGE })}`,
          signal,
        });
        events.push(...page.events);
        after = page.next;
      }
      return events;
    },
    watch: (id, { after = 0, signal } = {}) => watchTask(http, `${pathOf(id)}/events`, after, signal),
    cancel: (id, { signal, ...body } = {}) => http.json({ method: 'POST', path: `${pathOf(id)}:cancel`, body, signal }),
    retry: async (id, { signal } = {}) => {
      // The life that failed is named, so that a try again after a lost reply is known as a repeat.
      const { status, life } = await client.get(id, signal === undefined ? {} : { signal });
      const body = status === 'failed' ? { life } : {};
      return http.json({ method: 'POST', path: `${pathOf(id)}:retry`, body, signal });
    },
    cancelAll: (filter, { signal, ...body } = {}) =>
      http.json({ method: 'POST', path: '/v1/tasks:cancel', body: { ...body, filter }, signal, isOnce: true }),
    retryFailed: (filter, { signal, ...body } = {}) =>
      http.json({ method: 'POST', path: '/v1/failed:retry', body: { ...body, filter }, signal, isOnce: true }),
    run: async (request, { signal } = {}) => {
      const call = signal === undefined ? {} : { signal };
      let task = await client.submit(request, call);
      // A repeat may answer a task that is finished already: then its events end at once.
      for await (const _ of client.watch(task.id, call));
      task = await client.get(task.id, call);
      if (task.status === 'completed') return task;
      const { code, message } = task.error ?? { code: 'TASK_CANCELLED', message: `the task is ${task.status}` };
      throw new ClientError(code, message, { details: { task } });
    },
  };
  return client;
}

function pathOf(id: string): string {
  return `/v1/tasks/${encodeURIComponent(id)}`;
}

function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}
