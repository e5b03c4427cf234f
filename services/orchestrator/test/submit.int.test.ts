import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { TaskServiceClient, type ListTasksRequest, type ListTasksResponse } from '@morningai/rpc/tasks';
import { createWorker, defineAgent } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, codeOf, startOrchestrator, type Bench } from './start-orchestrator.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startOrchestrator({ MAX_OPEN_TASKS: '600' });
  // Known from Hello; gone again, so that what is submitted stays where it is.
  const input = z.strictObject({ question: z.string().min(1).optional() });
  const worker = createWorker({
    address: bench.address,
    apiKey: API_KEY,
    agents: [defineAgent({ name: 'echo', version: '1', input, run: async () => null })],
  });
  await worker.ready;
  await worker.close();
});

afterAll(() => bench[Symbol.asyncDispose]());

const accepted = async () => (await bench.verify()).ledger.accepted;

test('a repeated submit returns the same task', async () => {
  const id = v7();
  const first = await bench.accept({ id });
  const before = await accepted();
  const [again] = await bench.submit({ id });
  expect(again?.result).toMatchObject({ $case: 'accepted', value: { repeatedSubmit: true, task: { id: first.id } } });
  expect(await accepted()).toBe(before);
});

test('the same idempotency key with another id returns the first task', async () => {
  const first = await bench.accept({ idempotencyKey: 'order-1' });
  const again = await bench.accept({ idempotencyKey: 'order-1' });
  expect(again.id).toBe(first.id);
});

test('of twenty submits with one key at once, all return one task', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => bench.accept({ idempotencyKey: 'order-2' })));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
});

test('a repeat returns the first task also when its time is over', async () => {
  const request = { idempotencyKey: 'order-4', expiresAt: new Date(Date.now() + 300) };
  const first = await bench.accept(request);
  const fresh = () => bench.submit({ expiresAt: request.expiresAt });
  await eventually(async () => expect(codeOf((await fresh())[0])).toBe('REQUEST_INVALID'), { deadlineMs: 10_000 });
  expect((await bench.accept(request)).id).toBe(first.id);
  expect(await bench.finished(first.id)).toMatchObject({ status: 'failed', error: { code: 'TASK_EXPIRED' } });
});

test('the same key with another request is refused', async () => {
  await bench.accept({ idempotencyKey: 'order-3' });
  const [other] = await bench.submit({ idempotencyKey: 'order-3', inputJson: '{"question":"other"}' });
  expect(codeOf(other)).toBe('IDEMPOTENCY_MISMATCH');
});

// Found by a random schedule (seed 14, on a slow machine): by then the other request had expired, and was refused for that.
test('the same key with another request is refused for that, whatever else is wrong with it', async () => {
  await bench.accept({ idempotencyKey: 'order-5' });
  const [expired] = await bench.submit({ idempotencyKey: 'order-5', expiresAt: new Date(Date.now() - 1_000) });
  expect(codeOf(expired)).toBe('IDEMPOTENCY_MISMATCH');
});

test('bad submits are refused with a code, and nothing is stored', async () => {
  const before = await accepted();
  const results = await bench.submit(
    { agent: 'nobody' },
    { inputJson: '{"question":""}' },
    { inputJson: '{"unknown":1}' },
    { inputJson: '{' },
    { inputJson: '{"question":"a\\u0000b"}' },
    { inputJson: '{"question":"\\ud800"}' },
    { inputJson: `"${'x'.repeat(300 * 1024)}"` },
    { inputJson: '['.repeat(100_000) + ']'.repeat(100_000) },
    { id: 'no-uuid' },
    { priority: 4 },
    { maxAttempts: 1_000 },
    { dueAt: new Date(Date.now() + 3_600_000), expiresAt: new Date(Date.now() + 1_000) },
    { labels: { '': 'x' } },
    // The last one that a Date can say: the answer could not be written, for none of the batch.
    { expiresAt: new Date(8.64e15) },
    { dueAt: new Date(-8.64e15) },
  );
  expect(results.map(codeOf)).toEqual([
    'AGENT_UNKNOWN',
    'INPUT_INVALID',
    'INPUT_INVALID',
    'BODY_NOT_JSON',
    'TEXT_NOT_STORABLE',
    'TEXT_NOT_STORABLE',
    'INPUT_TOO_LARGE',
    'JSON_TOO_COMPLEX',
    ...Array.from({ length: 7 }, () => 'REQUEST_INVALID'),
  ]);
  expect(await accepted()).toBe(before);
});

test.each([{ agent: 'a\0b' }, { label: 'a\0b' }])(
  'a list of what Postgres cannot be asked for is refused: %j',
  async (filter) => {
    const client = openClient(TaskServiceClient, bench.address);
    const asked = { tenant: 'default', status: '', agent: '', label: '', cursor: '', limit: 0, ...filter };
    const listed = callUnary<ListTasksRequest, ListTasksResponse>((...args) => client.listTasks(...args), asked, {
      metadata: bearer(API_KEY),
      deadlineMs: 10_000,
    });
    await expect(listed).rejects.toMatchObject({ code: 'TEXT_NOT_STORABLE' });
    client.close();
  },
);

test('one bad task in a batch of 500 costs only itself', async () => {
  const before = (await bench.verify()).ledger.accepted;
  const specs = Array.from({ length: 500 }, (_, index) => ({ agent: index === 250 ? 'nobody' : 'echo' }));
  const results = await bench.submit(...specs);
  expect(results.filter((result) => codeOf(result) === 'accepted')).toHaveLength(499);
  expect(codeOf(results[250])).toBe('AGENT_UNKNOWN');
  expect((await bench.verify()).ledger.accepted).toBe(before + 499);
});

test('the limit of open tasks holds, and what is over it is refused with a code', async () => {
  const open = (await bench.verify()).ledger.open;
  const results = await bench.submit(...Array.from({ length: 300 }, () => ({})));
  const codes = Map.groupBy(results, codeOf);
  expect(codes.get('accepted') ?? []).toHaveLength(600 - open);
  expect(codes.get('LIMIT_REACHED')).toHaveLength(300 - (600 - open));
  const report = await bench.verify();
  expect(report.ledger.open).toBe(600);
  expect(report.problems).toEqual([]);
});
