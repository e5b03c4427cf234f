/** A real orchestrator on a database of its own, and a client of its gRPC. */
import { randomUUID } from 'node:crypto';
import { openPool, type Pool } from '@morningai/log/pool';
import { verifyLog, type VerifyReport } from '@morningai/log/verify';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { fromProblem } from '@morningai/rpc/errors';
import {
  TaskServiceClient,
  type GetTaskRequest,
  type ListTaskEventsRequest,
  type ListTaskEventsResponse,
  type SubmitResult,
  type SubmitTasksRequest,
  type SubmitTasksResponse,
  type Task,
  type TaskSpec,
} from '@morningai/rpc/tasks';
import { createLogger } from '@morningai/service/logger';
import { openTestDatabase } from '@morningai/testbed/database';
import { eventually } from '@morningai/testbed/eventually';
import { v7 } from 'uuid';
import { expect, inject } from 'vitest';
import { readOrchestratorConfig } from '../src/config.ts';
import { createOrchestrator } from '../src/service.ts';

export const API_KEY = 'a-key-for-tests-only';
const DEADLINE_MS = 10_000;

export type Bench = AsyncDisposable & {
  readonly address: string;
  readonly databaseUrl: string;
  readonly feedStream: string;
  readonly pool: Pool;
  submit(...specs: readonly Partial<TaskSpec>[]): Promise<readonly SubmitResult[]>;
  /** One that must be accepted. */
  accept(spec: Partial<TaskSpec>): Promise<Task>;
  get(id: string): Promise<Task>;
  /** Waits until the task is finished. */
  finished(id: string): Promise<Task>;
  eventTypes(id: string): Promise<readonly string[]>;
  verify(): Promise<VerifyReport>;
  /** Ends the orchestrator and starts it again on the same port and database. */
  restart(): Promise<void>;
};

export async function startOrchestrator(env: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const database = await openTestDatabase({ adminUrl: inject('postgresUrl') });
  const feedStream = `TEST_${randomUUID().slice(0, 8).toUpperCase()}`;
  const start = (port: string) =>
    createOrchestrator(
      readOrchestratorConfig({
        ORCHESTRATOR_PORT: port,
        DATABASE_URL: database.url,
        REDIS_URL: inject('redisUrl'),
        NATS_URL: inject('natsUrl'),
        FEED_STREAM: feedStream,
        MORNINGAI_API_KEY: API_KEY,
        ...env,
      }),
      { logger: createLogger('orchestrator', 'silent') },
    );
  let orchestrator = await start('0');
  const { address } = orchestrator;
  const client = openClient(TaskServiceClient, address);
  const pool = openPool({ url: database.url, name: 'test' });
  const options = { metadata: bearer(API_KEY), deadlineMs: DEADLINE_MS };

  const bench: Bench = {
    address,
    databaseUrl: database.url,
    feedStream,
    pool,
    async submit(...specs) {
      const answer = await callUnary<SubmitTasksRequest, SubmitTasksResponse>(
        (...args) => client.submitTasks(...args),
        { tenant: 'default', tasks: specs.map(taskSpec) },
        options,
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
    get: (id) =>
      callUnary<GetTaskRequest, Task>((...args) => client.getTask(...args), { tenant: 'default', id }, options),
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
        options,
      );
      return events.map(({ type }) => type);
    },
    verify: () => verifyLog(pool),
    async restart() {
      await orchestrator[Symbol.asyncDispose]();
      orchestrator = await start(address.split(':')[1] ?? '0');
      // The client's channel finds it again within its backoff.
      await eventually(() => bench.submit(), { deadlineMs: 10_000 });
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await orchestrator[Symbol.asyncDispose]();
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
