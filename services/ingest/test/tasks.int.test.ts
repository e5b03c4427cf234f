import { createClient } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { taskJsonSchema } from '../src/domain/task-json.ts';
import { API_KEY, callApi, startStack, type Stack } from './start-stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const key = (text: string) => ({ 'idempotency-key': text });
const hello = { agent: 'echo', input: { hello: '世界' }, priority: 1, labels: { kind: 'test' } };

/** Until the worker is done with it. */
const finished = (id: string) =>
  eventually(async () => {
    const { body } = await stack.call('GET', `/v1/tasks/${id}`);
    if (!['completed', 'failed'].includes(body.status)) throw new Error(`still ${body.status}`);
    return body;
  });

describe('a submit', () => {
  test('is accepted with the whole task, and completes', async () => {
    const { status, headers, body } = await stack.call('POST', '/v1/tasks', hello);
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/tasks/${body.id}`);
    expect(taskJsonSchema.parse(body)).toMatchObject({
      ...hello,
      traceId: body.id,
      tenant: 'default',
      status: 'queued',
    });
    expect(await finished(body.id)).toMatchObject({ id: body.id, output: hello.input, error: null, attempt: 1 });
  });

  test('that is repeated answers 200 with the first task, as it is by now', async () => {
    const first = await stack.call('POST', '/v1/tasks', hello, key('repeat-1'));
    const done = await finished(first.body.id);
    const again = await stack.call('POST', '/v1/tasks', hello, key('repeat-1'));
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.body).toEqual(done);
  });

  test('made ten times at once with one key is one task', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => stack.call('POST', '/v1/tasks', hello, key('ten'))));
    expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
    expect(all.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(9);
  });

  test('with a used key and another body is refused', async () => {
    await stack.call('POST', '/v1/tasks', hello, key('other-body'));
    const { status, body } = await stack.call('POST', '/v1/tasks', { ...hello, priority: 0 }, key('other-body'));
    expect([status, body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  test('may be due later, and is scheduled until then', async () => {
    const dueAt = new Date(Date.now() + 3_600_000).toISOString();
    const { body } = await stack.call('POST', '/v1/tasks', { ...hello, dueAt });
    expect(body.status).toBe('scheduled');
    expect(Math.abs(Date.parse(body.dueAt) - Date.parse(dueAt))).toBeLessThan(5_000);
  });

  test('of an unknown agent, or of an input that its agent does not take, is refused', async () => {
    const unknown = await stack.call('POST', '/v1/tasks', { agent: 'nobody', input: 1 });
    expect([unknown.status, unknown.body.code]).toEqual([422, 'AGENT_UNKNOWN']);
    const wrong = await stack.call('POST', '/v1/tasks', { agent: 'faq', input: 1 });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'INPUT_INVALID']);
  });
});

describe('a batch', () => {
  test('answers each item in order, and a bad one costs only itself', async () => {
    const tasks = [{ ...hello, idempotencyKey: 'b-1' }, { agent: 'nobody', input: 1 }, { agent: 'echo' }, hello];
    const { status, body } = await stack.call('POST', '/v1/tasks:batch', { tasks });
    expect(status).toBe(202);
    expect(body.tasks.map((one: { code?: string }) => one.code)).toEqual([
      undefined,
      'AGENT_UNKNOWN',
      'REQUEST_INVALID',
      undefined,
    ]);
    const again = await stack.call('POST', '/v1/tasks:batch', { tasks: tasks.slice(0, 1) });
    expect([again.status, again.body.tasks[0].id]).toEqual([202, body.tasks[0].id]);
  });

  test('of 500 is accepted whole', async () => {
    const { status, body } = await stack.call('POST', '/v1/tasks:batch', {
      tasks: Array.from({ length: 500 }, () => hello),
    });
    expect(status).toBe(202);
    expect(new Set(body.tasks.map((one: { id: string }) => one.id)).size).toBe(500);
  });

  test("with nothing to accept answers the first item's problem, with all of them", async () => {
    const { status, body } = await stack.call('POST', '/v1/tasks:batch', {
      tasks: [{ agent: 'nobody', input: 1 }, {}],
    });
    expect([status, body.code]).toEqual([422, 'AGENT_UNKNOWN']);
    expect(body.details.tasks.map((one: { code: string }) => one.code)).toEqual(['AGENT_UNKNOWN', 'REQUEST_INVALID']);
  });
});

describe('a read', () => {
  test('lists by page and by filter, newest first', async () => {
    const labels = { list: 'a b', other: '1' };
    for (let index = 0; index < 5; index += 1)
      await stack.call('POST', '/v1/tasks', { ...hello, input: index, labels });
    const first = await stack.call('GET', '/v1/tasks?label=list:a%20b&agent=echo&limit=3');
    const second = await stack.call('GET', `/v1/tasks?label=list:a%20b&agent=echo&limit=3&cursor=${first.body.next}`);
    const inputs = [first, second].map(({ body }) => body.tasks.map((one: { input: number }) => one.input));
    expect(inputs).toEqual([
      [4, 3, 2],
      [1, 0],
    ]);
    expect(second.body.next).toBeNull();
    expect((await stack.call('GET', '/v1/tasks?label=list:b')).body.tasks).toEqual([]);
  });

  test('of the events says what happened, page by page', async () => {
    const { body } = await stack.call('POST', '/v1/tasks', hello);
    await finished(body.id);
    const { body: whole } = await stack.call('GET', `/v1/tasks/${body.id}/events`);
    expect(whole.events.map((one: { type: string }) => one.type)).toEqual([
      'TaskSubmitted',
      'AttemptStarted',
      'StepCompleted',
      'TaskCompleted',
    ]);
    expect(whole.events.map((one: { version: number }) => one.version)).toEqual([1, 2, 3, 4]);
    expect(Object.keys(whole.events[0])).toEqual(['position', 'version', 'type', 'data', 'recordedAt']);
    expect(whole.next).toBeNull();
    const { body: middle } = await stack.call('GET', `/v1/tasks/${body.id}/events?after=1&limit=2`);
    expect([middle.events.map((one: { version: number }) => one.version), middle.next]).toEqual([[2, 3], 3]);
  });

  test('of the agents says who is there', async () => {
    const { body } = await stack.call('GET', '/v1/agents');
    expect(body.agents.map((one: { name: string }) => one.name).toSorted()).toEqual(['echo', 'faq']);
    expect(body.agents[0]).toMatchObject({ version: '1', connectedWorkers: 1, inputSchema: expect.any(Object) });
  });
});

describe('the event stream', () => {
  const streamed = (id: string, headers: Readonly<Record<string, string>> = {}) =>
    stack.call('GET', `/v1/tasks/${id}/events`, undefined, { accept: 'text/event-stream', ...headers });

  test('ends after the outcome, and goes on after the last event seen', async () => {
    const { body } = await stack.call('POST', '/v1/tasks', hello);
    const whole = await streamed(body.id);
    expect(whole.headers.get('content-type')).toContain('text/event-stream');
    expect([...whole.body.matchAll(/^event: (\w+)$/gm)].map(([, type]) => type).at(-1)).toBe('TaskCompleted');
    const rest = await streamed(body.id, { 'last-event-id': '3' });
    expect(rest.body.match(/^id: .*$/gm)).toEqual(['id: 4']);
    expect((await streamed(body.id, { 'last-event-id': '4' })).status).toBe(204);
  });

  test('of no task is a 404', async () => {
    expect((await streamed('01939d3a-0000-7000-8000-000000000000')).status).toBe(404);
  });
});

describe('the client of the SDK', () => {
  test('runs a task to its output, or throws its code', async () => {
    const client = createClient({ url: stack.url, apiKey: API_KEY });
    expect((await client.run({ agent: 'echo', input: [1, 2] })).output).toEqual([1, 2]);
    await expect(client.run({ agent: 'echo', input: 'fail' })).rejects.toMatchObject({ code: 'AGENT_ERROR' });
    await expect(client.run({ agent: 'nobody', input: 1 })).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
  });
});

describe("the original's paths", () => {
  test('take a question and show its task as the original did', async () => {
    const { status, body } = await stack.call('POST', '/api/agent/faq', { question: ' What is Phase 10? ' });
    expect([status, Object.keys(body), body.status]).toEqual([202, ['task_id', 'status'], 'queued']);
    await finished(body.task_id);
    const task = await stack.call('GET', `/api/agent/tasks/${body.task_id}`);
    expect(task.body).toMatchObject({
      task_id: body.task_id,
      trace_id: body.task_id,
      status: 'done',
      question: 'What is Phase 10?',
      pr_url: 'https://github.com/o/r/pull/1',
      error_msg: null,
    });
  });

  test('answer a wrong method, an unknown task and a missing key in their own shape', async () => {
    const wrong = await stack.call('GET', '/api/agent/faq');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    const missing = await stack.call('GET', '/api/agent/tasks/nonsense');
    expect([missing.status, missing.body.error.code]).toEqual([404, 'task_not_found']);
    const noKey = await callApi(stack.url, 'POST', '/api/agent/faq', { question: 'a' }, { authorization: '' });
    expect([noKey.status, noKey.body.error.code]).toEqual([401, 'unauthenticated']);
  });
});

test('readiness and the description need no key', async () => {
  const open = async (path: string) => callApi(stack.url, 'GET', path, undefined, { authorization: '' });
  expect((await open('/health/live')).body).toEqual({ status: 'live' });
  expect((await open('/health/ready')).status).toBe(200);
  const { body } = await open('/openapi.json');
  expect([body.openapi, Object.keys(body.paths).includes('/v1/tasks/{id}/events')]).toEqual(['3.1.0', true]);
});
