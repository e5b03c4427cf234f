// A worker may send anything: it costs only itself.
import { once } from 'node:events';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { bearer, openClient } from '@morningai/rpc/client';
import { fromStatus } from '@morningai/rpc/errors';
import {
  WorkerServiceClient,
  type Hello,
  type OrchestratorFrame,
  type WorkerFrame,
  type WorkerMessage,
} from '@morningai/rpc/worker';
import { createWorker, defineAgent } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, codeOf, startOrchestrator, type Bench } from './start-orchestrator.ts';

type Message = NonNullable<WorkerMessage['message']>;
type Stream = ClientDuplexStream<WorkerFrame, OrchestratorFrame>;

let bench: Bench;
let client: WorkerServiceClient;

beforeAll(async () => {
  bench = await startOrchestrator();
  client = openClient(WorkerServiceClient, bench.address);
});

afterAll(async () => {
  client.close();
  await bench[Symbol.asyncDispose]();
});

function say(stream: Stream, ...messages: readonly Message[]): void {
  stream.write({ messages: messages.map((message) => ({ message })) });
}

function hello(fields: Partial<Hello> = {}): Message {
  const agents = [
    { name: 'hostile', version: '1', inputSchemaJson: '{}', retry: undefined, lease: undefined, timeout: undefined },
  ];
  return { $case: 'hello', value: { workerId: 'hostile', agents, slots: 5, running: [], ...fields } };
}

function open(key = API_KEY): Stream {
  const stream = client.work(bearer(key));
  stream.on('data', () => undefined);
  return stream;
}

/** The code with which the orchestrator ends the stream. */
async function endOf(stream: Stream): Promise<string> {
  const [error] = (await once(stream, 'error').catch((thrown: unknown) => [thrown])) as [ServiceError];
  return fromStatus(error).code;
}

const offer = (fields: Partial<Hello['agents'][number]>) => [
  {
    name: 'hostile',
    version: '1',
    inputSchemaJson: '{}',
    retry: undefined,
    lease: undefined,
    timeout: undefined,
    ...fields,
  },
];

test.each<[string, Message[], string]>([
  ['no Hello first', [{ $case: 'drain', value: {} }], 'REQUEST_INVALID'],
  ['two Hellos', [hello(), hello()], 'REQUEST_INVALID'],
  ['no slots', [hello({ slots: 0 })], 'REQUEST_INVALID'],
  ['no agents', [hello({ agents: [] })], 'REQUEST_INVALID'],
  ['a NUL in its id', [hello({ workerId: 'a\0b' })], 'TEXT_NOT_STORABLE'],
  ['a NUL in a version', [hello({ agents: offer({ version: 'a\0b' }) })], 'TEXT_NOT_STORABLE'],
  ['a bad name', [hello({ agents: offer({ name: 'No Name' }) })], 'REQUEST_INVALID'],
  ['a schema that is none', [hello({ agents: offer({ inputSchemaJson: '{"type":"nothing"}' }) })], 'REQUEST_INVALID'],
  ['an $async schema', [hello({ agents: offer({ inputSchemaJson: '{"$async":true}' }) })], 'REQUEST_INVALID'],
])('a worker with %s is told so, and its stream ends', async (_, messages, code) => {
  const stream = open();
  const ended = endOf(stream);
  say(stream, ...messages);
  expect(await ended).toBe(code);
});

test('a worker with a wrong key is told so', async () => {
  const stream = open('not-the-key-at-all');
  const ended = endOf(stream);
  say(stream, hello());
  expect(await ended).toBe('UNAUTHENTICATED');
});

test('claims that are no claims hurt nobody: healthy tasks run on, and submits are accepted', async () => {
  const gate = Promise.withResolvers<void>();
  const echo = defineAgent({
    name: 'echo',
    version: '1',
    input: z.unknown(),
    run: () => gate.promise.then(() => 'done'),
  });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [echo] });
  await worker.ready;
  const healthy = await bench.accept({});
  await eventually(async () => expect((await bench.get(healthy.id)).status).toBe('running'), { deadlineMs: 10_000 });

  const stream = open();
  say(stream, hello());
  await once(stream, 'data');
  const answers: string[] = [];
  stream.on('data', (frame: OrchestratorFrame) => {
    answers.push(...frame.messages.flatMap(({ message }) => message?.$case ?? []));
  });
  const claims = [
    { task: 'not-a-uuid', fence: 1 },
    { task: healthy.id, fence: 1 },
    { task: healthy.id, fence: 4_294_967_295 },
  ];
  say(stream, { $case: 'heartbeat', value: { running: claims } });
  for (const claim of claims) {
    say(stream, { $case: 'completed', value: { claim, outputJson: '"stolen"' } });
    say(stream, { $case: 'stepStarting', value: { claim, step: 'a\0b', index: 0, effectKey: 'x' } });
  }
  await eventually(async () => expect(answers.filter((answer) => answer === 'fenced')).toHaveLength(6), {
    deadlineMs: 10_000,
  });
  expect((await bench.submit({})).map(codeOf)).toEqual(['accepted']);
  gate.resolve();
  expect(await bench.finished(healthy.id)).toMatchObject({ status: 'completed', attempt: 1, outputJson: '"done"' });
  stream.end();
  await worker.close();
});

test('a worker that hangs up before it is welcomed has no slots', async () => {
  const stream = open();
  const gone = once(stream, 'status');
  say(stream, hello({ workerId: 'ghost', agents: offer({ name: 'haunted' }), slots: 100 }));
  stream.end();
  await gone;
  // Whoever says Hello after it is welcomed after it.
  const haunted = defineAgent({ name: 'haunted', version: '1', input: z.unknown(), run: async () => null });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [haunted], slots: 3 });
  await worker.ready;
  expect(await bench.freeSlots('haunted')).toBe(3);
  await worker.close();
});

test('what a silent worker was assigned and never began is done by another, and that is no failure', async () => {
  const stream = open();
  say(stream, hello({ workerId: 'silent', agents: offer({ name: 'quiet' }), slots: 3 }));
  await once(stream, 'data');
  const tasks = await Promise.all(Array.from({ length: 3 }, () => bench.accept({ agent: 'quiet' })));
  await eventually(async () => expect((await bench.get(tasks[0]?.id ?? '')).status).toBe('running'), {
    deadlineMs: 10_000,
  });
  const quiet = defineAgent({ name: 'quiet', version: '1', input: z.unknown(), run: async () => null });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [quiet] });
  for (const { id } of tasks) expect(await bench.finished(id)).toMatchObject({ status: 'completed', failures: 0 });
  // It wakes and begins them after all: told at once, it need not have their effects again.
  const fenced = new Set<string>();
  stream.on('data', ({ messages }: OrchestratorFrame) => {
    for (const { message } of messages) if (message?.$case === 'fenced') fenced.add(message.value.claim?.task ?? '');
  });
  say(stream, ...tasks.map(({ id: task }): Message => ({ $case: 'begun', value: { claim: { task, fence: 1 } } })));
  await eventually(async () => expect(fenced).toEqual(new Set(tasks.map(({ id }) => id))), { deadlineMs: 10_000 });
  stream.end();
  await worker.close();
});

test("an error of five megabytes fails its own task, and the worker's other tasks are unharmed", async () => {
  const loud = defineAgent({
    name: 'loud',
    version: '1',
    input: z.unknown(),
    retry: { maxAttempts: 1 },
    run: async (ctx, input) => {
      if (input === 'loud') throw new Error('x'.repeat(5 * 1024 * 1024));
      if (input === 'step') await ctx.step('a\0b', async () => null);
      return 'fine';
    },
  });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [loud] });
  await worker.ready;
  const ask = async (input: string) =>
    bench.finished((await bench.accept({ agent: 'loud', inputJson: JSON.stringify(input) })).id);
  const [bad, step, good] = await Promise.all([ask('loud'), ask('step'), ask('quiet')]);
  expect(bad).toMatchObject({ status: 'failed', error: { code: 'AGENT_ERROR' } });
  expect(step).toMatchObject({ status: 'failed', error: { code: 'STEP_NAME_INVALID' } });
  expect(good).toMatchObject({ status: 'completed', attempt: 1 });
  await worker.close();
});

test("a refused submit does not put its input in place of another's", async () => {
  const input = z.strictObject({ pay: z.string() });
  const seen: string[] = [];
  const payer = defineAgent({ name: 'payer', version: '1', input, run: async (_, { pay }) => void seen.push(pay) });
  const first = createWorker({ address: bench.address, apiKey: API_KEY, agents: [payer] });
  await first.ready;
  await first.close();
  const { id } = await bench.accept({ agent: 'payer', inputJson: '{"pay":"alice"}' });
  expect((await bench.submit({ id, agent: 'payer', inputJson: '{"pay":"mallory"}' })).map(codeOf)).toEqual([
    'IDEMPOTENCY_MISMATCH',
  ]);
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [payer] });
  await bench.finished(id);
  expect(seen).toEqual(['alice']);
  await worker.close();
});
