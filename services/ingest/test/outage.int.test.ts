import { connect } from 'node:net';
import { once } from 'node:events';
import { createClient } from '@morningai/sdk';
import { createLogger } from '@morningai/service/logger';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readIngestConfig } from '../src/config.ts';
import { createIngest } from '../src/service.ts';
import { API_KEY, callApi, startStack, type Stack } from './start-stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ INGEST_SUBMIT_MS: '1500', INGEST_READ_MS: '1000' });
});
afterEach(() => stack.proxy.pass());
afterAll(() => stack[Symbol.asyncDispose]());

const echo = (input: unknown) => ({ agent: 'echo', input });
const key = (text: string) => ({ 'idempotency-key': text });
const until = (check: () => Promise<boolean>) =>
  eventually(async () => {
    if (!(await check())) throw new Error('not yet');
  });
const readyStatus = async () => (await stack.call('GET', '/health/ready')).status;

test('without the orchestrator a submit is a 503 that says what to do, and reads are too', async () => {
  stack.proxy.refuse();
  const submit = await stack.call('POST', '/v1/tasks', echo(1), key('refused'));
  expect([submit.status, submit.headers.get('retry-after')]).toEqual([503, '1']);
  expect(submit.body).toMatchObject({
    code: 'ORCHESTRATOR_UNAVAILABLE',
    detail: expect.stringContaining('outcome is unknown: retry with the same Idempotency-Key'),
  });
  expect((await stack.call('GET', '/v1/tasks')).status).toBe(503);
  expect(await readyStatus()).toBe(503);
  expect((await stack.call('GET', '/health/live')).status).toBe(200);
  stack.proxy.pass();
  await until(async () => (await readyStatus()) === 200);
  expect((await stack.call('POST', '/v1/tasks', echo(1), key('refused'))).status).toBe(202);
});

test('a short outage of the orchestrator is not seen by a caller', async () => {
  stack.proxy.refuse();
  const submit = stack.call('POST', '/v1/tasks', echo(2));
  setImmediate(() => stack.proxy.pass());
  expect((await submit).status).toBe(202);
});

test('an orchestrator that says nothing is a 504, and the retry with the same key is one task', async () => {
  await until(async () => (await readyStatus()) === 200);
  stack.proxy.blackHole();
  const lost = await stack.call('POST', '/v1/tasks', echo(3), key('lost'));
  expect([lost.status, lost.body.code]).toEqual([504, 'DEADLINE_EXCEEDED']);
  expect(lost.body.detail).toContain('retry with the same Idempotency-Key');
  stack.proxy.pass();
  const again = await eventually(async () => {
    const answer = await stack.call('POST', '/v1/tasks', echo(3), key('lost'));
    if (answer.status >= 500) throw new Error(answer.body.detail);
    return answer;
  });
  const { body } = await stack.call('GET', '/v1/tasks');
  expect(body.tasks.filter((one: { input: unknown }) => one.input === 3)).toHaveLength(1);
  expect(body.tasks.map((one: { id: string }) => one.id)).toContain(again.body.id);
});

test('a reply that is lost on the way is asked for again, and the caller sees one new task', async () => {
  await until(async () => (await readyStatus()) === 200);
  const before = stack.proxy.marks.halfReplies;
  stack.proxy.halfReply(5);
  const submit = stack.call('POST', '/v1/tasks', echo(4));
  await until(async () => stack.proxy.marks.halfReplies > before);
  stack.proxy.pass();
  expect((await submit).status).toBe(202);
  const { body } = await stack.call('GET', '/v1/tasks');
  expect(body.tasks.filter((one: { input: unknown }) => one.input === 4)).toHaveLength(1);
});

test("the SDK's client rides out an outage longer than ingest's own patience", async () => {
  stack.proxy.refuse();
  const client = createClient({ url: stack.url, apiKey: API_KEY });
  const run = client.run(echo(5));
  await until(async () => (await stack.call('GET', '/v1/tasks')).status === 503);
  await until(async () => (await stack.call('GET', '/v1/tasks')).status === 503);
  stack.proxy.pass();
  expect((await run).output).toBe(5);
});

test('an event stream stays open while the orchestrator is away', async () => {
  await until(async () => (await readyStatus()) === 200);
  const { body } = await stack.call('POST', '/v1/tasks', {
    ...echo(6),
    dueAt: new Date(Date.now() + 1_500).toISOString(),
  });
  const stream = stack.call('GET', `/v1/tasks/${body.id}/events`, undefined, { accept: 'text/event-stream' });
  await until(async () => (await stack.call('GET', '/v1/agents')).status === 200);
  stack.proxy.refuse();
  await until(async () => (await readyStatus()) === 503);
  stack.proxy.pass();
  expect((await stream).body).toContain('event: TaskCompleted');
});

test('starts without the orchestrator, is not ready, and says where it looks', async () => {
  const env = {
    LOG_LEVEL: 'silent',
    INGEST_PORT: '0',
    ORCHESTRATOR_ADDRESS: '127.0.0.1:1',
    MORNINGAI_API_KEY: API_KEY,
  };
  const logger = createLogger('ingest', 'silent');
  const told: unknown[] = [];
  logger.warn = (fields: unknown) => void told.push(fields);
  await using ingest = await createIngest(readIngestConfig(env), { logger });
  expect((await callApi(ingest.url, 'GET', '/health/ready')).body).toMatchObject({
    status: 'not ready',
    why: expect.stringContaining('ORCHESTRATOR_UNAVAILABLE'),
  });
  await until(async () => told.length > 0);
  expect(told[0]).toMatchObject({ address: '127.0.0.1:1', why: expect.any(String) });
});

test('a drain lets a running request finish and ends the streams', async () => {
  const own = await startStack();
  const dueAt = new Date(Date.now() + 600_000).toISOString();
  const { body } = await own.call('POST', '/v1/tasks', { ...echo(7), dueAt });
  const stream = await fetch(new URL(`/v1/tasks/${body.id}/events`, own.url), {
    headers: { authorization: `Bearer ${API_KEY}`, accept: 'text/event-stream' },
  });
  own.proxy.blackHole();
  const submit = own.call('POST', '/v1/tasks', echo(8));
  await until(async () => own.proxy.marks.swallowedBytes > 0);
  const drained = own[Symbol.asyncDispose]();
  own.proxy.pass();
  expect((await submit).status).toBe(202);
  expect(await stream.text()).toContain('event: TaskSubmitted');
  await drained;
  await expect(own.call('GET', '/health/live')).rejects.toThrow();
});

test('who has no key makes us read no body, and an Authorization given twice is none', async () => {
  const { hostname, port } = new URL(stack.url);
  const ask = async (head: string) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write(head);
    await once(socket, 'data');
    socket.destroy();
    return text.split('\r\n', 1)[0];
  };
  const head = `POST /v1/tasks HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n`;
  const right = `authorization: Bearer ${API_KEY}\r\n`;
  expect(await ask(`${head}\r\n`)).toContain(' 401 ');
  expect(await ask(`${head}${right}${right}\r\n`)).toContain(' 401 ');
});
