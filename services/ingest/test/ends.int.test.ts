import { createClient } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { taskJsonSchema } from '../src/domain/task-json.ts';
import { API_KEY, startStack, type Stack } from './start-stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const NOBODY = '01939d3a-0000-7000-8000-000000000000';
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const post = (path: string, body?: unknown) => stack.call('POST', path, body);

async function submit(fields: object = {}): Promise<string> {
  const { body } = await post('/v1/tasks', { agent: 'echo', input: 1, ...fields });
  return body.id;
}

const scheduled = (fields: object = {}) => submit({ dueAt: inAnHour(), ...fields });

/** Until the worker is done with it. */
const finished = (id: string) =>
  eventually(async () => {
    const { body } = await stack.call('GET', `/v1/tasks/${id}`);
    if (!['completed', 'failed', 'cancelled'].includes(body.status)) throw new Error(`still ${body.status}`);
    return body;
  });

async function failed(fields: object = {}): Promise<string> {
  const id = await submit({ input: 'fail', ...fields });
  expect((await finished(id)).status).toBe('failed');
  return id;
}

describe('one task', () => {
  test('is cancelled, with a reason or without a body, and again is no error', async () => {
    const [reasoned, bare] = await Promise.all([scheduled(), scheduled()]);
    const { status, body } = await post(`/v1/tasks/${reasoned}:cancel`, { reason: 'not needed', graceMs: 0 });
    expect(status).toBe(200);
    const error = { code: 'TASK_CANCELLED', message: 'not needed' };
    expect(taskJsonSchema.parse(body)).toMatchObject({ id: reasoned, status: 'cancelled', error });
    for (let time = 0; time < 2; time += 1) {
      const answer = await post(`/v1/tasks/${bare}:cancel`);
      expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    }
    const { body: list } = await stack.call('GET', '/v1/tasks?status=cancelled');
    expect(list.tasks.map((one: { id: string }) => one.id)).toEqual(expect.arrayContaining([reasoned, bare]));
  });

  test('that has failed is retried, and a repeat that names the life is no error', async () => {
    const id = await failed();
    const again = await post(`/v1/tasks/${id}:retry`);
    expect([again.status, again.body]).toMatchObject([200, { life: 2, failures: 0, error: null }]);
    expect(await finished(id)).toMatchObject({ status: 'failed', life: 2, attempt: 2 });
    expect((await post(`/v1/tasks/${id}:retry`, { life: 1 })).body).toMatchObject({ status: 'failed', life: 2 });
    expect((await post(`/v1/tasks/${id}:retry`, { life: 2 })).body).toMatchObject({ life: 3 });
  });

  test('shows when it expires', async () => {
    const { body } = await post('/v1/tasks', { agent: 'echo', input: 1, expiresAt: inAnHour() });
    expect(Math.abs(Date.parse(body.expiresAt) - Date.parse(inAnHour()))).toBeLessThan(60_000);
  });
});

describe('many tasks', () => {
  test('are cancelled by a filter; a dry run says which and changes nothing', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => scheduled({ labels: { batch: 'many' } })));
    const other = await scheduled();
    const filter = { label: 'batch:many', agent: 'echo', status: 'scheduled' };
    const dry = await post('/v1/tasks:cancel', { filter, dryRun: true });
    const those = expect.arrayContaining(ids);
    expect([dry.status, dry.body]).toEqual([200, { matched: 5, cancelled: 0, left: 0, tasks: those, dryRun: true }]);
    expect((await stack.call('GET', `/v1/tasks/${ids[0]}`)).body.status).toBe('scheduled');
    const { body } = await post('/v1/tasks:cancel', { filter });
    expect(body).toEqual({ matched: 5, cancelled: 5, left: 0, tasks: those, dryRun: false });
    expect((await stack.call('GET', `/v1/tasks/${other}`)).body.status).toBe('scheduled');
    expect((await post('/v1/tasks:cancel', { filter: { ids: [other] } })).body.cancelled).toBe(1);
  });

  test('that failed are retried by a filter', async () => {
    const labels = { batch: 'failed' };
    const ids = await Promise.all([failed({ labels }), failed({ labels }), failed()]);
    const filter = { label: 'batch', errorCode: 'AGENT_ERROR', before: inAnHour() };
    expect((await post('/v1/failed:retry', { filter, dryRun: true })).body).toMatchObject({ matched: 2, retried: 0 });
    expect((await post('/v1/failed:retry', { filter })).body).toMatchObject({ matched: 2, retried: 2, left: 0 });
    for (const id of ids.slice(0, 2)) expect(await finished(id)).toMatchObject({ status: 'failed', life: 2 });
    expect((await finished(ids[2])).life).toBe(1);
  });
});

describe('the client of the SDK', () => {
  test('cancels, retries, and does so by a filter', async () => {
    const client = createClient({ url: stack.url, apiKey: API_KEY });
    const labels = { batch: 'sdk' };
    const [one, two] = await Promise.all([scheduled({ labels }), scheduled({ labels })]);
    expect(await client.cancel(one, { reason: 'not needed' })).toMatchObject({ status: 'cancelled' });
    expect(await client.cancelAll({ label: 'batch:sdk' })).toMatchObject({ cancelled: 1, tasks: [two] });
    await expect(client.cancelAll({ label: 'batch:sdk' })).rejects.toMatchObject({ code: 'NOTHING_MATCHED' });
    const id = await failed({ labels });
    expect(await client.retry(id)).toMatchObject({ life: 2 });
    await finished(id);
    expect(await client.retryFailed({ ids: [id] }, { dryRun: true })).toMatchObject({ matched: 1, retried: 0 });
    await expect(client.retry(one)).rejects.toMatchObject({ code: 'TASK_NOT_FAILED' });
  });
});

describe('what cannot be done is refused with a code, and nothing is changed', () => {
  const now = Date.now();
  const at = (ms: number) => new Date(now + ms).toISOString();

  test.each([
    ['a negative delay', { delayMs: -1 }],
    ['an expiry before dueAt', { dueAt: at(7_200_000), expiresAt: at(3_600_000) }],
    ['an expiry that is dueAt', { dueAt: at(3_600_000), expiresAt: at(3_600_000) }],
    ['an expiry in the past', { expiresAt: at(-1_000) }],
    ['an expiry in the past, after a dueAt in the past', { dueAt: at(-2_000), expiresAt: at(-1_000) }],
    ['a dueAt years ahead', { dueAt: at(10 * 366 * 24 * 3_600_000) }],
    ['no attempts', { maxAttempts: 0 }],
    ['too many attempts', { maxAttempts: 101 }],
  ])('a submit with %s', async (what, fields) => {
    const labels = { refused: what.replaceAll(' ', '-') };
    const { status, body } = await post('/v1/tasks', { agent: 'echo', input: 1, labels, ...fields });
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect((await stack.call('GET', `/v1/tasks?label=refused:${labels.refused}`)).body.tasks).toEqual([]);
  });

  test('a retry of a task that is not failed, and a cancellation of a finished one', async () => {
    const [open, done, gone] = await Promise.all([scheduled(), submit(), scheduled()]);
    await finished(done);
    await post(`/v1/tasks/${gone}:cancel`);
    const lost = await failed();
    const history = async () =>
      Promise.all([open, done, gone, lost].map((id) => stack.call('GET', `/v1/tasks/${id}/events`)));
    const before = (await history()).map(({ body }) => body);
    for (const id of [open, done, gone]) {
      const { status, body } = await post(`/v1/tasks/${id}:retry`);
      expect([status, body.code]).toEqual([409, 'TASK_NOT_FAILED']);
    }
    for (const id of [done, lost]) {
      const { status, body } = await post(`/v1/tasks/${id}:cancel`);
      expect([status, body.code]).toEqual([409, 'TASK_FINISHED']);
    }
    expect((await history()).map(({ body }) => body)).toEqual(before);
  });

  test.each([
    ['/v1/tasks/nonsense:cancel', undefined, 404, 'TASK_NOT_FOUND'],
    [`/v1/tasks/${NOBODY}:cancel`, undefined, 404, 'TASK_NOT_FOUND'],
    [`/v1/tasks/${NOBODY}:retry`, undefined, 404, 'TASK_NOT_FOUND'],
    [`/v1/tasks/${NOBODY}:cancel`, { graceMs: -1 }, 400, 'REQUEST_INVALID'],
    [`/v1/tasks/${NOBODY}:cancel`, { graceMs: 3_600_001 }, 400, 'REQUEST_INVALID'],
    [`/v1/tasks/${NOBODY}:cancel`, { reason: 'a'.repeat(1_001) }, 400, 'REQUEST_INVALID'],
    [`/v1/tasks/${NOBODY}:cancel`, { reason: '\0' }, 422, 'TEXT_NOT_STORABLE'],
    [`/v1/tasks/${NOBODY}:cancel`, 'null', 400, 'REQUEST_INVALID'],
    [`/v1/tasks/${NOBODY}:retry`, { life: 0 }, 400, 'REQUEST_INVALID'],
    [`/v1/tasks/${NOBODY}:pause`, {}, 405, 'METHOD_NOT_ALLOWED'],
    ['/v1/tasks:cancel', undefined, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', {}, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: {} }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { all: false } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { status: 'completed' } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { ids: [] } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { ids: ['nonsense'] } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { before: 'yesterday' } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { tenant: 'other' } }, 400, 'REQUEST_INVALID'],
    ['/v1/tasks:cancel', { filter: { agent: 'none' } }, 409, 'NOTHING_MATCHED'],
    ['/v1/tasks:cancel', { filter: { agent: 'none' }, dryRun: true }, 409, 'NOTHING_MATCHED'],
    ['/v1/tasks:cancel', { filter: { agent: 'a\0' } }, 422, 'TEXT_NOT_STORABLE'],
    ['/v1/failed:retry', {}, 400, 'REQUEST_INVALID'],
    ['/v1/failed:retry', { filter: {} }, 400, 'REQUEST_INVALID'],
    ['/v1/failed:retry', { filter: { status: 'queued' } }, 400, 'REQUEST_INVALID'],
    ['/v1/failed:retry', { filter: { ids: [NOBODY] } }, 409, 'NOTHING_MATCHED'],
    ['/v1/queue:move', undefined, 400, 'REQUEST_INVALID'],
    ['/v1/queue:move', {}, 400, 'REQUEST_INVALID'],
    ['/v1/queue:move', { to: 'redis://there', yes: true }, 400, 'REQUEST_INVALID'],
    ['/v1/queue:move', { to: 'http://there' }, 400, 'QUEUE_URL_INVALID'],
    ['/v1/queue:move', { to: 'redis://127.0.0.1:1', dryRun: true }, 409, 'QUEUE_TARGET_UNREACHABLE'],
    ['/v1/queue:move', { to: inject('redisUrl') }, 409, 'QUEUE_ALREADY_THERE'],
  ])('POST %s %j', async (path, body, status, code) => {
    const answer = await post(path, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('another method is told which one it takes', async () => {
    const { status, headers } = await stack.call('PUT', `/v1/tasks/${NOBODY}:cancel`);
    expect([status, headers.get('allow')]).toEqual([405, expect.stringContaining('POST')]);
  });
});
