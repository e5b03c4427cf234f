import { readFileSync } from 'node:fs';
import { LIMITS } from '@morningai/core/limits';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, type Stack } from './start-stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

type Headers = Readonly<Record<string, string>>;
type Bad = readonly [
  what: string,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
  headers?: Headers,
];

const ID = '01939d3a-0000-7000-8000-000000000000';
const echo = { agent: 'echo', input: 1 };
const post = (what: string, body: unknown, status: number, code: string, headers?: Headers): Bad => [
  `a task: ${what}`,
  'POST',
  '/v1/tasks',
  body,
  status,
  code,
  headers ?? {},
];
const input = (text: string) => `{"agent":"echo","input":${text}}`;
const wide = `{${Array.from({ length: LIMITS.jsonKeys + 1 }, (_, index) => `"k${index}":1`).join(',')}}`;

const CORPUS: readonly Bad[] = [
  post('without a body', '', 400, 'BODY_NOT_JSON'),
  post('blanks', '   ', 400, 'BODY_NOT_JSON'),
  post('half an object', '{"agent":', 400, 'BODY_NOT_JSON'),
  post('two values', '{}{}', 400, 'BODY_NOT_JSON'),
  post('a trailing comma', '{"agent":"echo","input":1,}', 400, 'BODY_NOT_JSON'),
  post('NaN', input('NaN'), 400, 'BODY_NOT_JSON'),
  post('bytes that are not UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), 400, 'BODY_NOT_JSON'),
  post('UTF-16', Buffer.from(input('1'), 'utf16le'), 400, 'BODY_NOT_JSON'),
  post('null', 'null', 400, 'REQUEST_INVALID'),
  post('a list', '[]', 400, 'REQUEST_INVALID'),
  post('a text', '"task"', 400, 'REQUEST_INVALID'),
  post('an empty object', {}, 400, 'REQUEST_INVALID'),
  post('no input', { agent: 'echo' }, 400, 'REQUEST_INVALID'),
  post('an empty agent', { ...echo, agent: '' }, 400, 'REQUEST_INVALID'),
  post('a number as the agent', { ...echo, agent: 7 }, 400, 'REQUEST_INVALID'),
  post('a long agent', { ...echo, agent: 'a'.repeat(129) }, 400, 'REQUEST_INVALID'),
  post('an unknown agent', { ...echo, agent: 'constructor' }, 422, 'AGENT_UNKNOWN'),
  post('an unknown field', { ...echo, tenant: 'other' }, 400, 'REQUEST_INVALID'),
  post('an id of its own', { ...echo, id: ID }, 400, 'REQUEST_INVALID'),
  post('__proto__ as a field', '{"agent":"echo","input":1,"__proto__":{"agent":"x"}}', 400, 'REQUEST_INVALID'),
  post('priority -1', { ...echo, priority: -1 }, 400, 'REQUEST_INVALID'),
  post('priority 4', { ...echo, priority: 4 }, 400, 'REQUEST_INVALID'),
  post('priority 1.5', { ...echo, priority: 1.5 }, 400, 'REQUEST_INVALID'),
  post('priority 1e400', '{"agent":"echo","input":1,"priority":1e400}', 400, 'REQUEST_INVALID'),
  post('priority as a text', { ...echo, priority: '1' }, 400, 'REQUEST_INVALID'),
  post('maxAttempts 0', { ...echo, maxAttempts: 0 }, 400, 'REQUEST_INVALID'),
  post('maxAttempts 101', { ...echo, maxAttempts: 101 }, 400, 'REQUEST_INVALID'),
  post('dueAt tomorrow', { ...echo, dueAt: 'tomorrow' }, 400, 'REQUEST_INVALID'),
  post('dueAt in ms', { ...echo, dueAt: 1_800_000_000_000 }, 400, 'REQUEST_INVALID'),
  post('dueAt in the year 9999', { ...echo, dueAt: '9999-12-31T23:59:59Z' }, 400, 'REQUEST_INVALID'),
  post('dueAt in the year 275760', { ...echo, dueAt: '+275760-09-13T00:00:00Z' }, 400, 'REQUEST_INVALID'),
  post(
    'an expiry before dueAt',
    { ...echo, dueAt: '2026-12-02T00:00:00Z', expiresAt: '2026-12-01T00:00:00Z' },
    400,
    'REQUEST_INVALID',
  ),
  post('labels as a list', { ...echo, labels: ['a'] }, 400, 'REQUEST_INVALID'),
  post('a label that is no text', { ...echo, labels: { a: 1 } }, 400, 'REQUEST_INVALID'),
  post(
    '33 labels',
    { ...echo, labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, ''])) },
    400,
    'REQUEST_INVALID',
  ),
  post('a long label', { ...echo, labels: { a: 'b'.repeat(257) } }, 400, 'REQUEST_INVALID'),
  post('an empty concurrencyKey', { ...echo, concurrencyKey: '' }, 400, 'REQUEST_INVALID'),
  post('a NUL', input('"a\\u0000b"'), 422, 'TEXT_NOT_STORABLE'),
  post('a NUL in a key', input('{"a\\u0000":1}'), 422, 'TEXT_NOT_STORABLE'),
  post('a lone surrogate', input('"\\ud800"'), 422, 'TEXT_NOT_STORABLE'),
  post('a NUL in the agent', { ...echo, agent: 'echo\0' }, 422, 'TEXT_NOT_STORABLE'),
  post('a NUL in a label', { ...echo, labels: { a: '\0' } }, 422, 'TEXT_NOT_STORABLE'),
  post('a NUL in the concurrencyKey', { ...echo, concurrencyKey: '\0' }, 422, 'TEXT_NOT_STORABLE'),
  post('1e400', input('[1e400]'), 422, 'NUMBER_OUT_OF_RANGE'),
  post('65 levels', input('['.repeat(65) + ']'.repeat(65)), 422, 'JSON_TOO_COMPLEX'),
  post('100,000 levels', input('['.repeat(100_000) + ']'.repeat(100_000)), 422, 'JSON_TOO_COMPLEX'),
  post('100,000 levels of objects', input('{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000)), 422, 'JSON_TOO_COMPLEX'),
  post('levels that never close', '['.repeat(300_000), 422, 'JSON_TOO_COMPLEX'),
  post('10,001 keys', input(wide), 422, 'JSON_TOO_COMPLEX'),
  post('an input over 256 KiB', { ...echo, input: 'a'.repeat(LIMITS.inputBytes) }, 413, 'INPUT_TOO_LARGE'),
  post('a body over 320 KiB', { ...echo, input: 'a'.repeat(LIMITS.taskBodyBytes) }, 413, 'BODY_TOO_LARGE'),
  post('an input that its agent refuses', { agent: 'faq', input: { question: 1 } }, 422, 'INPUT_INVALID'),
  post('as text', input('1'), 415, 'MEDIA_TYPE_UNSUPPORTED', { 'content-type': 'text/plain' }),
  post('as a form', 'a=b', 415, 'MEDIA_TYPE_UNSUPPORTED', { 'content-type': 'application/x-www-form-urlencoded' }),
  post('compressed', input('1'), 415, 'MEDIA_TYPE_UNSUPPORTED', { 'content-encoding': 'gzip' }),
  post('with a long key', echo, 400, 'REQUEST_INVALID', { 'idempotency-key': 'k'.repeat(256) }),
  post('with an empty key', echo, 400, 'REQUEST_INVALID', { 'idempotency-key': '' }),
  post('with a blank in the key', echo, 400, 'REQUEST_INVALID', { 'idempotency-key': 'a b' }),
  post('with a key outside of ASCII', echo, 400, 'REQUEST_INVALID', { 'idempotency-key': 'ü' }),
  post('without an API key', echo, 401, 'UNAUTHENTICATED', { authorization: '' }),
  post('with a wrong API key', echo, 401, 'UNAUTHENTICATED', { authorization: 'Bearer a-key-for-tests-onlY' }),
  post('with another scheme', echo, 401, 'UNAUTHENTICATED', { authorization: 'Basic YTpi' }),
  ['an empty batch', 'POST', '/v1/tasks:batch', { tasks: [] }, 400, 'REQUEST_INVALID'],
  [
    'a batch of 501',
    'POST',
    '/v1/tasks:batch',
    { tasks: Array.from({ length: 501 }, () => echo) },
    400,
    'REQUEST_INVALID',
  ],
  ['a batch that is a list', 'POST', '/v1/tasks:batch', [echo], 400, 'REQUEST_INVALID'],
  ['a batch of nothing good', 'POST', '/v1/tasks:batch', { tasks: [null, 1, [], {}] }, 400, 'REQUEST_INVALID'],
  [
    'a batch with a key of its own',
    'POST',
    '/v1/tasks:batch',
    { tasks: [echo] },
    400,
    'REQUEST_INVALID',
    { 'idempotency-key': 'k' },
  ],
  ['a batch over 4 MiB', 'POST', '/v1/tasks:batch', 'a'.repeat(LIMITS.batchBodyBytes + 1), 413, 'BODY_TOO_LARGE'],
  ['a task id that is no UUID', 'GET', '/v1/tasks/1', undefined, 404, 'TASK_NOT_FOUND'],
  [
    'a task id of another kind',
    'GET',
    '/v1/tasks/6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    undefined,
    404,
    'TASK_NOT_FOUND',
  ],
  ['an endless task id', 'GET', `/v1/tasks/${'a'.repeat(5_000)}`, undefined, 404, 'TASK_NOT_FOUND'],
  ['a task id with a NUL', 'GET', '/v1/tasks/%00', undefined, 404, 'TASK_NOT_FOUND'],
  ['a task that is not there', 'GET', `/v1/tasks/${ID}`, undefined, 404, 'TASK_NOT_FOUND'],
  ['the events of no task', 'GET', `/v1/tasks/${ID}/events`, undefined, 404, 'TASK_NOT_FOUND'],
  ['a path that cannot be decoded', 'GET', '/v1/tasks/%E0%A4%A', undefined, 400, 'REQUEST_INVALID'],
  ['a status that there is not', 'GET', '/v1/tasks?status=done', undefined, 400, 'REQUEST_INVALID'],
  ['a limit of 0', 'GET', '/v1/tasks?limit=0', undefined, 400, 'REQUEST_INVALID'],
  ['a limit of 1001', 'GET', '/v1/tasks?limit=1001', undefined, 400, 'REQUEST_INVALID'],
  ['a limit of 1e3', 'GET', '/v1/tasks?limit=1e3', undefined, 400, 'REQUEST_INVALID'],
  ['an empty limit', 'GET', '/v1/tasks?limit=', undefined, 400, 'REQUEST_INVALID'],
  ['a limit given twice', 'GET', '/v1/tasks?limit=1&limit=2', undefined, 400, 'REQUEST_INVALID'],
  ['a cursor of no list', 'GET', '/v1/tasks?cursor=%27%3B--', undefined, 400, 'REQUEST_INVALID'],
  ['a cursor with a NUL', 'GET', '/v1/tasks?cursor=%00', undefined, 400, 'REQUEST_INVALID'],
  ['a filter that there is not', 'GET', '/v1/tasks?tenant=other', undefined, 400, 'REQUEST_INVALID'],
  ['a label with a NUL', 'GET', '/v1/tasks?label=a%00', undefined, 422, 'TEXT_NOT_STORABLE'],
  ['__proto__ as a filter', 'GET', '/v1/tasks?__proto__=1', undefined, 400, 'REQUEST_INVALID'],
  ['events after nonsense', 'GET', `/v1/tasks/${ID}/events?after=-1`, undefined, 400, 'REQUEST_INVALID'],
  [
    'a stream after nonsense',
    'GET',
    `/v1/tasks/${ID}/events`,
    undefined,
    400,
    'REQUEST_INVALID',
    { accept: 'text/event-stream', 'last-event-id': 'x' },
  ],
  ['another method', 'PUT', '/v1/tasks', echo, 405, 'METHOD_NOT_ALLOWED'],
  ['deleting a task', 'DELETE', `/v1/tasks/${ID}`, undefined, 405, 'METHOD_NOT_ALLOWED'],
  ['a path that there is not', 'POST', '/v2/tasks', 'not even JSON', 404, 'ROUTE_NOT_FOUND'],
  ['the root', 'GET', '/', undefined, 404, 'ROUTE_NOT_FOUND'],
];

const errors = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const documented = [...errors.matchAll(/^## (\w+)$/gm)].map(([, code]) => code);

for (const [what, method, path, body, status, code, headers] of CORPUS) {
  test(`${what} is refused`, async () => {
    const answer = await stack.call(method, path, body, headers);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    expect(documented).toContain(code);
  });
}

test.each([
  ['an empty question', { question: '' }],
  ['blanks', { question: ' \n ' }],
  ['nothing', {}],
  ['a number', { question: 7 }],
  ['100,000 characters', { question: 'a'.repeat(100_000) }],
  ['no JSON', '{question'],
  ['no object', '[]'],
  ['a NUL', '{"question":"a\\u0000"}'],
])("%s is invalid_input on the original's path", async (_, body) => {
  const answer = await stack.call('POST', '/api/agent/faq', body);
  expect([answer.status, answer.body]).toEqual([
    400,
    { error: { code: 'invalid_input', message: expect.any(String), details: answer.body.error.details } },
  ]);
});

test('of all these nothing was stored, and the service goes on', async () => {
  const { body } = await stack.call('GET', '/v1/tasks');
  expect(body).toEqual({ tasks: [], next: null });
  expect((await stack.call('POST', '/v1/tasks', echo)).status).toBe(202);
});
