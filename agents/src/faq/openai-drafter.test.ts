import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOpenAiDrafter } from './openai-drafter.ts';
import type { OpenAiDrafterOptions } from './openai-drafter.ts';

type Call = { readonly path: string | undefined; readonly key: string | undefined; readonly body: unknown };

/** A real HTTP server on loopback that speaks the shape of chat completions. */
let server: Server;
let calls: Call[];
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  calls = [];
  server = createServer((request, response) => {
    void readBody(request).then((body) => {
      calls.push({ path: request.url, key: request.headers.authorization, body });
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function reply(status: number, body: unknown, headers: Record<string, string> = {}): void {
  answer = (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

function completes(content: string | null, finish = 'stop'): void {
  const choice = { index: 0, finish_reason: finish, message: { role: 'assistant', content } };
  reply(200, { id: 'c1', object: 'chat.completion', created: 1, model: 'test-model', choices: [choice] });
}

const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

function drafter(options: Partial<OpenAiDrafterOptions> = {}) {
  return createOpenAiDrafter({ baseUrl: baseUrl(), apiKey: 'secret-key', model: 'test-model', ...options });
}

function draft(options: Partial<OpenAiDrafterOptions> = {}, signal = new AbortController().signal) {
  return drafter(options).draft({ question: 'What?', repository: 'a/b', passages: [], searched: [], signal });
}

describe('the drafter on an OpenAI-compatible endpoint', () => {
  test('it sends key, model and prompt, and splits the reply into title and body', async () => {
    completes('# T\n\nText.\n\n## Troubleshooting\n\nLook.');
    expect(await draft()).toEqual({ title: 'T', markdown: 'Text.\n\n## Troubleshooting\n\nLook.' });
    expect(drafter().model).toBe('test-model');
    expect(calls).toMatchObject([
      {
        path: '/v1/chat/completions',
        key: 'Bearer secret-key',
        body: { model: 'test-model', messages: [{ role: 'system' }, { role: 'user' }] },
      },
    ]);
  });

  test.each([400, 401, 403, 404, 422])('a %i is not retryable', async (status) => {
    reply(status, { error: { message: 'no' } });
    await expect(draft()).rejects.toMatchObject({ code: 'FAQ_MODEL_REJECTED', notRetryable: true });
    expect(calls).toHaveLength(1);
  });

  test.each([408, 409, 429, 500, 502, 503])('a %i is retryable, by the task and not in place', async (status) => {
    reply(status, 'busy', { 'content-type': 'text/plain' });
    await expect(draft()).rejects.toMatchObject({
      code: 'FAQ_MODEL_BUSY',
      notRetryable: false,
      retryAfterMs: undefined,
    });
    expect(calls).toHaveLength(1);
  });

  test.each([
    ['7', 7_000],
    ['0.5', 500],
    ['Wed, 01 Jan 2020 00:00:00 GMT', 0],
    ['999999999', 3_600_000],
    ['soon', undefined],
  ])('retry-after %j is passed on as %j ms', async (header, retryAfterMs) => {
    reply(429, { error: { message: 'slow down' } }, { 'retry-after': header });
    await expect(draft()).rejects.toMatchObject({ code: 'FAQ_MODEL_BUSY', retryAfterMs });
  });

  test('retries in place are made when asked for, and no more than that', async () => {
    reply(503, 'busy', { 'retry-after-ms': '1' });
    await expect(draft({ maxRetries: 2 })).rejects.toMatchObject({ code: 'FAQ_MODEL_BUSY' });
    expect(calls).toHaveLength(3);
    await expect(draft({ maxRetries: 99 })).rejects.toMatchObject({ code: 'FAQ_MODEL_BUSY' });
    expect(calls).toHaveLength(3 + 4);
  });

  test('an endpoint that does not answer in time is retryable', async () => {
    answer = () => {};
    await expect(draft({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'FAQ_MODEL_TIMEOUT', notRetryable: false });
  });

  test('a body that stops in the middle ends with the time-out too', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices": [');
    };
    await expect(draft({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'FAQ_MODEL_TIMEOUT', notRetryable: false });
  });

  test('a refused connection is retryable', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    await expect(draft({ baseUrl: `http://127.0.0.1:${port}/v1` })).rejects.toMatchObject({
      code: 'FAQ_MODEL_UNREACHABLE',
      notRetryable: false,
    });
  });

  test('a connection that breaks in mid-reply is retryable', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices": [', () => response.destroy());
    };
    await expect(draft()).rejects.toMatchObject({ notRetryable: false });
  });

  test('an aborted attempt ends with its own reason, not as a failure of the model', async () => {
    const lost = new AbortController();
    answer = () => lost.abort(new Error('the lease is lost'));
    await expect(draft({}, lost.signal)).rejects.toThrow('the lease is lost');
  });

  test.each([
    ['cut off', 'length', 'FAQ_MODEL_CUT_OFF'],
    ['filtered', 'content_filter', 'FAQ_MODEL_REFUSED'],
  ])('a reply that was %s is not retryable', async (_, finish, code) => {
    completes('# T\n\nText', finish);
    await expect(draft()).rejects.toMatchObject({ code, notRetryable: true });
  });

  test.each([
    ['no title', () => completes('Sure!')],
    ['no content', () => completes(null)],
    ['no choices', () => reply(200, { choices: [] })],
    ['another shape', () => reply(200, { error: 'none' })],
    ['an array', () => reply(200, [])],
    ['null', () => reply(200, 'null')],
    ['no JSON', () => reply(200, '<html>')],
    ['nothing', () => reply(200, '')],
  ])('a reply with %s is retryable', async (_, arrange) => {
    arrange();
    await expect(draft()).rejects.toMatchObject({ code: 'FAQ_MODEL_REPLY_UNUSABLE', notRetryable: false });
  });

  test('the key is in no error', async () => {
    reply(401, { error: { message: 'bad key' } });
    const error: unknown = await draft().catch((thrown: unknown) => thrown);
    expect(String(error) + JSON.stringify(error)).not.toContain('secret-key');
  });
});
