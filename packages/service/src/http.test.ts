import { connect } from 'node:net';
import { once } from 'node:events';
import { AppError } from '@morningai/core/errors';
import { afterEach, expect, test } from 'vitest';
import { createHttpServer, type HttpServer } from './http.ts';
import { createLogger } from './logger.ts';

let http: HttpServer | undefined;

afterEach(() => http?.close());

function server(): HttpServer {
  http = createHttpServer({ logger: createLogger('test', 'silent'), bodyBytes: 1_000 });
  http.get('/v1/tasks/:id', async () => ({}));
  http.post('/v1/tasks', async (request) => ({ got: request.body }));
  http.post('/v1/tasks::batch', { bodyLimit: 5_000 }, async (request) => ({ got: request.body }));
  http.get('/v1/boom', async () => {
    throw new TypeError('a bug');
  });
  http.get('/v1/busy', async () => {
    throw new AppError('OVERLOADED', 'full');
  });
  return http;
}

const json = { 'content-type': 'application/json' };

test.each([
  ['GET', '/v1/tasks', 405, 'METHOD_NOT_ALLOWED', 'POST'],
  ['POST', '/v1/tasks/abc', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
  ['DELETE', '/v1/tasks:batch', 405, 'METHOD_NOT_ALLOWED', 'POST'],
  ['OPTIONS', '/v1/tasks', 405, 'METHOD_NOT_ALLOWED', 'POST'],
  ['GET', '/v1/tasksXbatch', 404, 'ROUTE_NOT_FOUND', undefined],
  ['GET', '/', 404, 'ROUTE_NOT_FOUND', undefined],
  ['GET', '/v1/tasks/a/b', 404, 'ROUTE_NOT_FOUND', undefined],
  ['GET', '/v1/tasks/%E0%A4%A', 400, 'REQUEST_INVALID', undefined],
  ['GET', '/v1/boom', 500, 'INTERNAL', undefined],
  ['GET', '/v1/busy', 503, 'OVERLOADED', undefined],
] as const)('%s %s is answered with a coded problem', async (method, url, status, code, allow) => {
  const reply = await server().inject({ method, url });
  expect([reply.statusCode, reply.json().code, reply.headers['allow']]).toEqual([status, code, allow]);
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(reply.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  expect(reply.body).not.toContain('a bug');
});

test.each([
  ['{', json, 400, 'BODY_NOT_JSON'],
  ['', json, 400, 'BODY_NOT_JSON'],
  [Buffer.from([0x22, 0xff, 0x22]), json, 400, 'BODY_NOT_JSON'],
  ['{}', { 'content-type': 'text/plain' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['{}', { 'content-type': ';;;' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['{}', { ...json, 'content-encoding': 'gzip' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  [`"${'a'.repeat(1_000)}"`, json, 413, 'BODY_TOO_LARGE'],
  ['['.repeat(900), json, 422, 'JSON_TOO_COMPLEX'],
] as const)('the body %j is refused', async (body, headers, status, code) => {
  const reply = await server().inject({ method: 'POST', url: '/v1/tasks', headers, body });
  expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
});

test('brackets inside of texts are not depth', async () => {
  const body = JSON.stringify({ text: '[{"\\'.repeat(100) });
  const reply = await server().inject({ method: 'POST', url: '/v1/tasks', headers: json, body });
  expect(reply.json()).toEqual({ got: JSON.parse(body) });
});

test('a route may take larger bodies than the others', async () => {
  const body = JSON.stringify('a'.repeat(2_000));
  const reply = await server().inject({ method: 'POST', url: '/v1/tasks:batch', headers: json, body });
  expect(reply.statusCode).toBe(200);
});

test.each(['nonsense\r\n\r\n', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`])(
  'bytes that are not a readable request are answered with a problem',
  async (bytes) => {
    const running = server();
    await running.listen({ host: '127.0.0.1', port: 0 });
    const address = running.server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const socket = connect(address.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(bytes);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"REQUEST_INVALID"');
  },
);

test('closing waits for the running request, and for no kept-alive connection', async () => {
  const running = server();
  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  running.get('/v1/slow', async () => {
    arrived.resolve();
    await gate.promise;
    return { done: true };
  });
  const url = await running.listen({ host: '127.0.0.1', port: 0 });
  const answer = fetch(new URL('/v1/slow', url));
  await arrived.promise;
  const closed = running.close();
  gate.resolve();
  expect(await (await answer).json()).toEqual({ done: true });
  await closed;
});
