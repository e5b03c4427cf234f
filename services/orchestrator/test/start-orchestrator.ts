/** A real orchestrator on a database of its own, and a client of its gRPC. */
import { randomUUID } from 'node:crypto';
import { openPool, type Pool } from '@morningai/log/pool';
import { verifyLog, type VerifyReport } from '@morningai/log/verify';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { fromProblem } from '@morningai/rpc/errors';
import {
  TaskServiceClient,
  type BulkResult,
  type CancelTaskRequest,
  type CancelTasksRequest,
  type GetTaskRequest,
  type ListAgentsRequest,
  type ListAgentsResponse,
  type ListTaskEventsRequest,
  type ListTaskEventsResponse,
  type RetryFailedRequest,
  type RetryTaskRequest,
  type SubmitResult,
  type SubmitTasksRequest,
  type SubmitTasksResponse,
  type Task,
  type TaskFilter,
  type TaskSpec,
} from '@morningai/rpc/tasks';
import { createLogger, type Logger } from '@morningai/service/logger';
import { openTestDatabase } from '@morningai/testbed/database';
import { eventually } from '@morningai/testbed/eventually';
import { v7 } from 'uuid';
import { expect, inject } from 'vitest';
import { readOrchestratorConfig } from '../src/config.ts';
import type { Pace } from '../src/dispatch/pace.ts';
import { createOrchestrator } from '../src/service.ts';
import { dropFeed } from './drop-feed.ts';

export const API_KEY = 'a-key-for-tests-only';
const DEADLINE_MS = 10_000;

/** What acts on tasks, through one orchestrator. */
type Ends = {
  cancel(id: string, fields?: Partial<CancelTaskRequest>): Promise<Task>;
  retry(id: string, life?: number): Promise<Task>;
  cancelTasks(fields: Bulk<CancelTasksRequest>): Promise<BulkResult>;
  retryFailed(fields: Bulk<RetryFailedRequest>): Promise<BulkResult>;
};
type Bulk<Request> = Partial<Omit<Request, 'filter'>> & { readonly filter: Partial<TaskFilter> };

export type Bench = AsyncDisposable &
  Ends & {
    readonly address: string;
    readonly databaseUrl: string;
    readonly feedStream: string;
    readonly pool: Pool;
    submit(...specs: readonly Partial<TaskSpec>[]): Promise<readonly SubmitResult[]>;
    /** The same for another tenant. */
    submitFor(tenant: string, ...specs: readonly Partial<TaskSpec>[]): Promise<readonly SubmitResult[]>;
    /** One that must be accepted. */
    accept(spec: Partial<TaskSpec>): Promise<Task>;
    get(id: string): Promise<Task>;
    /** Waits until the task is finished. */
    finished(id: string): Promise<Task>;
    eventTypes(id: string): Promise<readonly string[]>;
    verify(): Promise<VerifyReport>;
    /** Slots of connected workers that a task of this agent may have at once. */
    freeSlots(agent: string): Promise<number>;
    /** The environment of an orchestrator of this log in a process of its own. */
    readonly env: Readonly<Record<string, string>>;
    /** Ends the orchestrator and starts it again on the same port and database. @param changed of its environment */
    restart(changed?: Readonly<Record<string, string>>): Promise<void>;
    /** A second orchestrator on the same log. @param changed of its environment */
    beside(changed?: Readonly<Record<string, string>>): Promise<AsyncDisposable & Ends & { readonly address: string }>;
  };

const CALL = { metadata: bearer(API_KEY), deadlineMs: DEADLINE_MS };

function endsOf(client: TaskServiceClient): Ends {
  const tenant = 'default';
  const whole = (filter: Partial<TaskFilter>): TaskFilter => ({
    ids: [],
    status: '',
    agent: '',
    label: '',
    errorCode: '',
    before: undefined,
    all: false,
    ...filter,
  });
  return {
    cancel: (id, fields = {}) =>
      callUnary<CancelTaskRequest, Task>(
        (...args) => client.cancelTask(...args),
        { tenant, id, reason: '', grace: undefined, ...fields },
        CALL,
      ),
    retry: (id, life = 0) =>
      callUnary<RetryTaskRequest, Task>((...args) => client.retryTask(...args), { tenant, id, life }, CALL),
    cancelTasks: ({ filter, ...fields }) =>
      callUnary<CancelTasksRequest, BulkResult>(
        (...args) => client.cancelTasks(...args),
        { tenant, reason: '', grace: undefined, dryRun: false, ...fields, filter: whole(filter) },
        CALL,
      ),
    retryFailed: ({ filter, ...fields }) =>
      callUnary<RetryFailedRequest, BulkResult>(
        (...args) => client.retryFailed(...args),
        { tenant, dryRun: false, ...fields, filter: whole(filter) },
        CALL,
      ),
  };
}

export type BenchOptions = {
  readonly pace?: Partial<Pace>;
  /** Default: the Postgres that all tests share. */
  readonly postgresUrl?: string;
  /** Default: one that says nothing. */
  readonly logger?: Logger;
};

export async function startOrchestrator(
  own: Readonly<Record<string, string>> = {},
  {
    pace = {},
    postgresUrl = inject('postgresUrl'),
    logger = createLogger('orchestrator', 'silent'),
  }: BenchOptions = {},
): Promise<Bench> {
  const database = await openTestDatabase({ adminUrl: postgresUrl });
  const feedStream = `TEST_${randomUUID().slice(0, 8).toUpperCase()}`;
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    NATS_URL: inject('natsUrl'),
    FEED_STREAM: feedStream,
    MORNINGAI_API_KEY: API_KEY,
    ...own,
  };
  const start = (port: string, changed: Readonly<Record<string, string>> = {}) =>
    createOrchestrator(readOrchestratorConfig({ ORCHESTRATOR_PORT: port, ...env, ...changed }), {
      logger,
      pace,
    });
  let orchestrator = await start('0');
  const { address } = orchestrator;
  const client = openClient(TaskServiceClient, address);
  const pool = openPool({ url: database.url, name: 'test' });

  const bench: Bench = {
    ...endsOf(client),
    address,
    databaseUrl: database.url,
    feedStream,
    pool,
    submit: (...specs) => bench.submitFor('default', ...specs),
    async submitFor(tenant, ...specs) {
      const answer = await callUnary<SubmitTasksRequest, SubmitTasksResponse>(
        (...args) => client.submitTasks(...args),
        { tenant, tasks: specs.map(taskSpec) },
        CALL,
      );
      return answer.results;
    },
    async accept(spec) {
      const [result] = await bench.submit(spec);
      if (result?.result?.$case === 'refused') throw fromProblem(result.result.value);
      const task = result?.result?.value.task;
      if (task === undefined) throw new Error('no task came back');
      return task;
    },
    get: (id) => callUnary<GetTaskRequest, Task>((...args) => client.getTask(...args), { tenant: 'default', id }, CALL),
    finished: (id) =>
      eventually(
        async () => {
          const task = await bench.get(id);
          expect(['completed', 'failed', 'cancelled']).toContain(task.status);
          return task;
        },
        { deadlineMs: 40_000 },
      ),
    async eventTypes(id) {
      const { events } = await callUnary<ListTaskEventsRequest, ListTaskEventsResponse>(
        (...args) => client.listTaskEvents(...args),
        { tenant: 'default', id, afterVersion: 0, limit: 0 },
        CALL,
      );
      return events.map(({ type }) => type);
    },
    verify: () => verifyLog(pool),
    async freeSlots(agent) {
      const { agents } = await callUnary<ListAgentsRequest, ListAgentsResponse>(
        (...args) => client.listAgents(...args),
        { tenant: 'default' },
        CALL,
      );
      return agents.find(({ name }) => name === agent)?.freeSlots ?? 0;
    },
    env,
    async restart(changed) {
      await orchestrator[Symbol.asyncDispose]();
      orchestrator = await start(address.split(':')[1] ?? '0', changed);
      // The client's channel finds it again within its backoff.
      await eventually(() => bench.submit(), { deadlineMs: 10_000 });
    },
    async beside(changed) {
      const second = await start('0', changed);
      const other = openClient(TaskServiceClient, second.address);
      return {
        ...endsOf(other),
        address: second.address,
        async [Symbol.asyncDispose]() {
          other.close();
          await second[Symbol.asyncDispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await orchestrator[Symbol.asyncDispose]();
      await dropFeed(env.NATS_URL, feedStream);
      await pool.close();
      await database[Symbol.asyncDispose]();
    },
  };
  return bench;
}

export function taskSpec(spec: Partial<TaskSpec>): TaskSpec {
  return {
    id: v7(),
    agent: 'echo',
    inputJson: '{}',
    priority: 2,
    dueAt: undefined,
    expiresAt: undefined,
    maxAttempts: 0,
    concurrencyKey: '',
    labels: {},
    idempotencyKey: '',
    ...spec,
  };
}

/** The code with which one was refused, or "accepted". */
export function codeOf(result: SubmitResult | undefined): string {
  return result?.result?.$case === 'refused' ? result.result.value.code : 'accepted';
}
