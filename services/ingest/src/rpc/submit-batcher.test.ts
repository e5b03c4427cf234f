import { AppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { bearerKey, createRpcServer, unary } from '@morningai/rpc/server';
import {
  TaskServiceClient,
  TaskServiceService,
  type SubmitResult,
  type SubmitTasksRequest,
  type SubmitTasksResponse,
  type TaskSpec,
} from '@morningai/rpc/tasks';
import { afterEach, describe, expect, test } from 'vitest';
import { BATCHER_LIMITS, createSubmitBatcher, type SubmitBatcher } from './submit-batcher.ts';

const KEY = 'a-key-for-the-batcher';
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

type Answer = (request: SubmitTasksRequest) => Promise<SubmitTasksResponse>;

/** A batcher on a real gRPC connection, and what the other side received. */
async function start(answer: Answer): Promise<{ batcher: SubmitBatcher; received: SubmitTasksRequest[] }> {
  const received: SubmitTasksRequest[] = [];
  const { server, listen, close } = createRpcServer();
  const refuse = () => Promise.reject(new AppError('NOT_IMPLEMENTED', 'not here'));
  const authenticate = bearerKey(KEY);
  const other = unary(authenticate, () => undefined, refuse);
  server.addService(TaskServiceService, {
    submitTasks: unary(
      authenticate,
      () => undefined,
      async (request: SubmitTasksRequest) => {
        received.push(request);
        return answer(request);
      },
    ),
    getTask: other,
    listTasks: other,
    listTaskEvents: other,
    listAgents: other,
  });
  const client = openClient(TaskServiceClient, `127.0.0.1:${await listen('127.0.0.1:0')}`);
  open.push(client, { close: () => close(0) });
  const metadata = bearer(KEY);
  const batcher = createSubmitBatcher((request, deadlineMs) =>
    callUnary((...args) => client.submitTasks(...args), request, { metadata, deadlineMs }),
  );
  return { batcher, received };
}

function spec(id: string, inputJson = '1'): TaskSpec {
  return {
    id,
    agent: 'echo',
    inputJson,
    priority: 2,
    dueAt: undefined,
    expiresAt: undefined,
    maxAttempts: 0,
    concurrencyKey: '',
    labels: {},
    idempotencyKey: '',
  };
}

const task = ({ id, agent, inputJson }: TaskSpec, outputJson = '') => ({
  id,
  tenant: 'default',
  agent,
  status: 'queued',
  inputJson,
  outputJson,
  error: undefined,
  attempt: 0,
  failures: 0,
  maxAttempts: 8,
  priority: 2,
  labels: {},
  lane: '',
  createdAt: undefined,
  dueAt: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  version: 1,
  life: 1,
  updatedAt: undefined,
  expiresAt: undefined,
});

const accepted = (one: TaskSpec, outputJson = ''): SubmitResult => ({
  result: { $case: 'accepted', value: { task: task(one, outputJson), repeatedSubmit: false } },
});

const acceptAll: Answer = async ({ tasks }) => ({ results: tasks.map((one) => accepted(one)) });

const submit = (batcher: SubmitBatcher, one: TaskSpec, tenant = 'default', signal = new AbortController().signal) =>
  batcher.submit({ tenant, spec: one, remainingMs: 5_000, signal });

/** Answers only when it is told to. */
function held(answer: Answer): { answer: Answer; release: () => void } {
  const gate = Promise.withResolvers<void>();
  return { answer: (request) => gate.promise.then(() => answer(request)), release: gate.resolve };
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => spec(`t${index}`));

describe('the submit batcher', () => {
  test('gives every caller the answer for its own task', async () => {
    const { batcher } = await start(acceptAll);
    const answers = await Promise.all(numbered(1_200).map((one) => submit(batcher, one)));
    expect(answers.map((answer) => answer.task?.id)).toEqual(numbered(1_200).map((one) => one.id));
  });

  test('sends what arrives together in one message, and at most 500 tasks in each', async () => {
    const { batcher, received } = await start(acceptAll);
    await Promise.all(numbered(1_200).map((one) => submit(batcher, one)));
    const sizes = received.map(({ tasks }) => tasks.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_200);
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(Math.max(...sizes)).toBe(LIMITS.tasksPerSubmit);
  });

  test('keeps every message under the size limit', async () => {
    const { batcher, received } = await start(acceptAll);
    const input = JSON.stringify('ü'.repeat(LIMITS.inputBytes / 2 - 1));
    const answers = await Promise.all(numbered(40).map(({ id }) => submit(batcher, spec(id, input))));
    expect(answers).toHaveLength(40);
    expect(received.length).toBeGreaterThan(2);
  });

  test('never mixes tenants in a message', async () => {
    const { batcher, received } = await start(acceptAll);
    const tenants = ['a', 'b', 'a', 'c', 'b', 'a'];
    await Promise.all(tenants.map((tenant, index) => submit(batcher, spec(`${tenant}${index}`), tenant)));
    for (const { tenant, tasks } of received) expect(tasks.every((one) => one.id.startsWith(tenant))).toBe(true);
    expect(received.flatMap(({ tasks }) => tasks)).toHaveLength(tenants.length);
  });

  test('has at most four messages in flight', async () => {
    const { answer, release } = held(acceptAll);
    const { batcher, received } = await start(answer);
    const all = Promise.all(numbered(4_000).map((one) => submit(batcher, one)));
    await expect.poll(() => received.length).toBe(BATCHER_LIMITS.messagesInFlight);
    release();
    await all;
    expect(received.flatMap(({ tasks }) => tasks)).toHaveLength(4_000);
  });

  test('one slow message does not hold up the next', async () => {
    const { answer, release } = held(acceptAll);
    let messages = 0;
    const { batcher } = await start((request) => ((messages += 1) === 1 ? answer(request) : acceptAll(request)));
    const slow = submit(batcher, spec('slow'));
    await expect.poll(() => messages).toBe(1);
    await submit(batcher, spec('next'));
    release();
    expect((await slow).task?.id).toBe('slow');
  });

  test('a refused task costs only itself', async () => {
    const refused: SubmitResult = {
      result: {
        $case: 'refused',
        value: { code: 'AGENT_UNKNOWN', message: 'who?', retryable: false, detailsJson: '' },
      },
    };
    const { batcher } = await start(async ({ tasks }) => ({
      results: tasks.map((one) => (one.id === 't1' ? refused : accepted(one))),
    }));
    const outcomes = await Promise.allSettled(numbered(3).map((one) => submit(batcher, one)));
    expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'ok'))).toEqual([
      'ok',
      'AGENT_UNKNOWN',
      'ok',
    ]);
  });

  test('a message that fails is an error for each of its tasks, and not for the next ones', async () => {
    let isDown = true;
    const { batcher } = await start(async (request) => {
      if (isDown) throw new AppError('STORE_UNAVAILABLE', 'no Postgres');
      return acceptAll(request);
    });
    const outcomes = await Promise.allSettled(numbered(3).map((one) => submit(batcher, one)));
    expect(outcomes.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
      Array(3).fill('STORE_UNAVAILABLE'),
    );
    isDown = false;
    await submit(batcher, spec('later'));
  });

  test('repeats whose outputs do not fit into one reply are answered in several', async () => {
    const output = JSON.stringify('x'.repeat(LIMITS.outputBytes - 2));
    const { batcher } = await start(async ({ tasks }) => ({ results: tasks.map((one) => accepted(one, output)) }));
    const answers = await Promise.all(numbered(50).map((one) => submit(batcher, one)));
    expect(answers.every((answer) => answer.task?.outputJson === output)).toBe(true);
  });

  test('is bounded: what does not fit is refused at once', async () => {
    const { answer, release } = held(acceptAll);
    const { batcher } = await start(answer);
    const outcomes = numbered(BATCHER_LIMITS.waitingTasks + 1).map((one) => submit(batcher, one));
    await expect(outcomes.at(-1)).rejects.toMatchObject({ code: 'OVERLOADED' });
    release();
    await Promise.all(outcomes.slice(0, -1));
  });

  test('a caller who leaves while waiting is not submitted', async () => {
    const { answer, release } = held(acceptAll);
    const { batcher, received } = await start(answer);
    const others = numbered(2_000).map((one) => submit(batcher, one));
    await expect.poll(() => received.length).toBe(BATCHER_LIMITS.messagesInFlight);
    const abort = new AbortController();
    const left = submit(batcher, spec('left'), 'default', abort.signal);
    abort.abort(new AppError('DEADLINE_EXCEEDED', 'the caller is gone'));
    await expect(left).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    release();
    await Promise.all(others);
    expect(received.flatMap(({ tasks }) => tasks).some((one) => one.id === 'left')).toBe(false);
  });
});
