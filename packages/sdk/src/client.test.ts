import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createClient, type Client, type TaskEvent } from './client.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, call: number) => void | Promise<void>;

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

/** A server that misbehaves as the test wants, and a client of it. */
async function start(handle: Handler, timeoutMs = 10_000): Promise<{ client: Client; url: string }> {
  let calls = 0;
  const server = createServer((request, response) => void handle(request, response, (calls += 1)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  return { client: createClient({ url, apiKey: 'key', timeoutMs }), url };
}

const answer = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const problem = (code: string) => ({ code, detail: `because of ${code}`, status: 400 });

const event = (version: number, type: string): TaskEvent => ({
  position: version,
  version,
  type,
  data: {},
  recordedAt: '',
});

const say = (response: ServerResponse, ...events: TaskEvent[]) =>
  events.forEach((one) => response.write(`id: ${one.version}\nevent: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`));

test('a submit is tried again with the same key and body when it is unavailable or the reply is lost', async () => {
  const seen: unknown[] = [];
  const { client } = await start(async (request, response, call) => {
    seen.push([request.headers['idempotency-key'], request.headers.authorization, await json(request)]);
    if (call === 1) answer(response, 503, problem('STORE_UNAVAILABLE'));
    else if (call === 2) request.socket.destroy();
    else answer(response, 202, { id: 'a' });
  });
  await expect(client.submit({ agent: 'echo', input: 1 })).resolves.toEqual({ id: 'a' });
  expect(seen).toHaveLength(3);
  expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(seen[0]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), 'Bearer key', { agent: 'echo', input: 1 }]);
});

test('two submits without a key are two tasks', async () => {
  const keys = new Set<unknown>();
  const { client } = await start((request, response) => {
    keys.add(request.headers['idempotency-key']);
    answer(response, 202, {});
  });
  await client.submit({ agent: 'echo', input: 1 });
  await client.submit({ agent: 'echo', input: 1 });
  expect(keys.size).toBe(2);
});

test('why asks why', async () => {
  const { client } = await start((request, response) =>
    answer(response, 200, { id: 'a/b', reason: 'DUE_NOW', text: request.url }),
  );
  expect(await client.why('a/b')).toMatchObject({ reason: 'DUE_NOW', text: '/v1/tasks/a%2Fb/why' });
});

test('a refusal is thrown with its code and not tried again', async () => {
  let calls = 0;
  const { client } = await start((_, response, call) => {
    calls = call;
    answer(response, 404, { ...problem('TASK_NOT_FOUND'), details: { a: 1 } });
  });
  await expect(client.get('x/../y')).rejects.toMatchObject({
    code: 'TASK_NOT_FOUND',
    status: 404,
    retryable: false,
    details: { a: 1 },
  });
  expect(calls).toBe(1);
});

test('tries end with the time limit, and the last error is told', async () => {
  const { client } = await start((_, response) => answer(response, 503, problem('OVERLOADED')), 2_000);
  await expect(client.list({ status: 'queued', limit: 5 })).rejects.toMatchObject({
    code: 'OVERLOADED',
    retryable: true,
  });
});

test('a server that never answers is a time-out', async () => {
  const { client } = await start(() => undefined, 200);
  await expect(client.get('a')).rejects.toMatchObject({ code: 'TIMEOUT' });
});

test('nobody listening is a network error with its cause', async () => {
  const client = createClient({ url: 'http://127.0.0.1:1', apiKey: 'key', timeoutMs: 200 });
  await expect(client.get('a')).rejects.toMatchObject({ code: 'NETWORK_ERROR', status: null });
});

test('an abort ends a call at once with its reason', async () => {
  const { client } = await start((_, response) => answer(response, 503, problem('OVERLOADED')));
  const abort = new AbortController();
  const call = client.get('a', { signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
});

test('events are read page by page', async () => {
  const { client } = await start((request, response) => {
    const after = Number(new URL(request.url ?? '', 'http://x').searchParams.get('after'));
    answer(response, 200, { events: [event(after + 1, 'StepCompleted')], next: after < 2 ? after + 1 : null });
  });
  expect((await client.events('a')).map((one) => one.version)).toEqual([1, 2, 3]);
});

test('a broken stream goes on after the last version seen, and each event comes once', async () => {
  const from: unknown[] = [];
  const { client } = await start((request, response, call) => {
    from.push(request.headers['last-event-id']);
    if (call === 2) {
      answer(response, 503, problem('DRAINING'));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (call === 1) {
      response.write(': hello\n\n');
      say(response, event(1, 'TaskSubmitted'), event(2, 'AttemptStarted'));
      response.write('id: 3\ndata: {"broken', () => request.socket.destroy());
    } else {
      say(response, event(3, 'TaskCompleted'));
      response.end();
    }
  });
  const versions: number[] = [];
  for await (const one of client.watch('a')) versions.push(one.version);
  expect(versions).toEqual([1, 2, 3]);
  expect(from).toEqual(['0', '2', '2']);
});

test.each([
  [{ status: 'completed', output: 7, error: null }, undefined],
  [{ status: 'failed', output: null, error: { code: 'NO_MODEL', message: 'none' } }, 'NO_MODEL'],
  [{ status: 'cancelled', output: null, error: null }, 'TASK_CANCELLED'],
])('run waits for the outcome and throws the code of a task that does not complete: %j', async (task, code) => {
  const { client } = await start((request, response) => {
    if (request.method === 'POST') answer(response, 202, { id: 'a' });
    else if (request.url?.endsWith('/events')) response.writeHead(204).end();
    else answer(response, 200, { id: 'a', ...task });
  });
  const run = client.run({ agent: 'echo', input: 7 });
  if (code === undefined) await expect(run).resolves.toMatchObject({ output: 7 });
  else await expect(run).rejects.toMatchObject({ code, details: { task: { id: 'a' } } });
});
