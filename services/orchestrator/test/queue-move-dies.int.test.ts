/** Somebody dies while the queue is moved. What is recorded holds, and nothing else; the work goes on either way. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { probeClient } from '@morningai/queue/redis-clients';
import { redisPlace } from '@morningai/queue/redis-place';

import { createWorker, defineAgent } from '@morningai/sdk';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { reservePort } from '@morningai/testbed/ports';
import { openProxy } from '@morningai/testbed/proxy';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { createRedisUrls } from '../src/redis-urls.ts';
import { holdMove, readRedisMove, recordMove, releaseMove, renewMove } from '../src/store/redis-move.ts';
import { moveQueue, readQueue } from './move-queue.ts';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

const TASKS = 100;
const SLOTS = 10;
const NOBODY = '00000000-0000-4000-8000-000000000000';
const ANOTHER = '00000000-0000-4000-8000-000000000001';

let testbeds: readonly Testbed[];
let closing = new AsyncDisposableStack();

const url = (index: number): string => {
  const testbed = testbeds[index];
  if (testbed === undefined) throw new RangeError(`no Redis ${index}`);
  return testbed.redis.url;
};
const from = () => url(0);
const to = () => url(1);

beforeAll(async () => {
  testbeds = await Promise.all([1, 2].map(() => openTestbed({ components: ['redis'] })));
});
afterAll(() => Promise.all(testbeds.map((testbed) => testbed.close())));

beforeEach(async () => {
  for (const index of [0, 1]) {
    const redis = probeClient(url(index));
    await redis.flushall().finally(() => redis.disconnect());
  }
});
afterEach(() => closing.disposeAsync().finally(() => void (closing = new AsyncDisposableStack())));

/** The one that stays: it is not asked to move anything. It ends with the test. */
async function start(postgresUrl = inject('postgresUrl')): Promise<Bench> {
  const bench = closing.use(await startOrchestrator({ REDIS_URL: from() }, { postgresUrl }));
  const echo = defineAgent({ name: 'echo', version: '1', input: z.unknown(), run: async (_, input) => input });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [echo], slots: SLOTS });
  closing.defer(() => worker.close());
  await worker.ready;
  await eventually(async () => expect((await readQueue(bench.address)).lane).toBe('queue'));
  return bench;
}

const submit = (bench: Bench) => bench.submit(...Array.from({ length: TASKS }, () => ({})));

/** A second orchestrator, in a process that may be killed. */
async function fellow(bench: Bench): Promise<{ readonly address: string; readonly child: ChildProcess }> {
  const { port, release } = await reservePort();
  const child = fork(new URL('../src/main.ts', import.meta.url).pathname, [], {
    env: { ...process.env, ...bench.env, ORCHESTRATOR_PORT: String(port), LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  closing.defer(() => kill(child));
  await once(child, 'message');
  release();
  return { address: `127.0.0.1:${port}`, child };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function allDone(bench: Bench, tasks: number): Promise<void> {
  const done = async () => {
    expect((await bench.verify()).ledger).toMatchObject({ accepted: tasks, completed: tasks });
  };
  await eventually(done, { deadlineMs: 60_000, everyMs: 100 });
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
}

const isAt = async (bench: Bench, place: string, lane: string) => {
  expect(await readQueue(bench.address)).toMatchObject({ lane, redis: { place: redisPlace(place) } });
};

/** The record of a move, by somebody who has died since. */
async function record(bench: Bench, target: string): Promise<void> {
  expect(await holdMove(bench.pool, NOBODY, 1_000)).toBe(true);
  const sealed = createRedisUrls(from(), API_KEY).sealed(target);
  expect(await recordMove(bench.pool, NOBODY, sealed)).toMatchObject({ move: 1 });
}

test('who moves it dies before it is recorded: nothing has changed, and soon it can be moved', async () => {
  const bench = await start();
  const { address, child } = await fellow(bench);
  // The check does not come to its end.
  await using proxy = await openProxy({ target: to() });
  proxy.blackHole();
  const moving = moveQueue(address, proxy.through(to())).catch((error: unknown) => error);
  await eventually(async () => expect(await readRedisMove(bench.pool)).toMatchObject({ move: 0 }), { everyMs: 5 });
  await kill(child);
  await moving;
  await submit(bench);
  await allDone(bench, TASKS);
  expect(await readRedisMove(bench.pool)).toMatchObject({ move: 0, place: null });
  await eventually(async () => expect((await moveQueue(bench.address, to())).report.why).toBe(''), {
    deadlineMs: 15_000,
  });
});

test('who moves it dies as soon as it is recorded: the others follow, and so does it when it is back', async () => {
  const bench = await start();
  const { address, child } = await fellow(bench);
  await submit(bench);
  const moving = moveQueue(address, to()).catch((error: unknown) => error);
  await eventually(async () => expect(await readRedisMove(bench.pool)).toMatchObject({ move: 1 }), { everyMs: 1 });
  await kill(child);
  await moving;
  await submit(bench);
  await allDone(bench, 2 * TASKS);
  await eventually(() => isAt(bench, to(), 'queue'));
  const again = await fellow(bench);
  expect((await readQueue(again.address)).redis).toMatchObject({ place: redisPlace(to()) });
});

test('the new Redis is gone once it is recorded: the log lane goes on, and it can be moved once more', async () => {
  const bench = await start();
  const { port, release } = await reservePort();
  await record(bench, `redis://127.0.0.1:${port}`);
  await eventually(() => isAt(bench, `redis://127.0.0.1:${port}`, 'log'));
  await submit(bench);
  await allDone(bench, TASKS);
  const { report } = await eventually(() => moveQueue(bench.address, to()));
  expect(report).toMatchObject({ oldAnswers: false, oldKeys: 'unreachable', why: '' });
  release();
});

test('an orchestrator that was frozen meanwhile follows when it wakes, and what it has in hand is no harm', async () => {
  const bench = await start();
  const { child } = await fellow(bench);
  await submit(bench);
  child.kill('SIGSTOP');
  const { report } = await moveQueue(bench.address, to());
  expect(report.why).toBe('');
  await submit(bench);
  child.kill('SIGCONT');
  await allDone(bench, 2 * TASKS);
  const sql = 'SELECT redis_move AS move FROM orchestrators';
  await eventually(async () =>
    expect(await bench.pool.query({ name: 'moves', sql }, [])).toEqual([{ move: 1 }, { move: 1 }]),
  );
});

test('Postgres is away when it is to be recorded: nothing has changed', async () => {
  const postgres = closing.use(await openProxy({ target: inject('postgresUrl') }));
  const bench = await start(postgres.through(inject('postgresUrl')));
  const redis = closing.use(await openProxy({ target: to() }));
  redis.latency(200);
  const moving = moveQueue(bench.address, redis.through(to()));
  await eventually(async () => expect(await readRedisMove(bench.pool)).toMatchObject({ move: 0 }), { everyMs: 5 });
  postgres.reset();
  await expect(moving).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('whether the queue was moved is in what "queue" shows') as string,
  });
  postgres.pass();
  await eventually(async () => expect(await readRedisMove(bench.pool)).toMatchObject({ move: 0, place: null }));
  await submit(bench);
  await allDone(bench, TASKS);
});

test('who was frozen for longer than its lease does not get it back, though another one is done by then', async () => {
  const { pool } = closing.use(await startOrchestrator({ REDIS_URL: from() }));
  expect(await holdMove(pool, NOBODY, 1)).toBe(true);
  await eventually(async () => expect(await holdMove(pool, ANOTHER, 1_000)).toBe(true), { everyMs: 5 });
  expect(await renewMove(pool, ANOTHER, 1_000)).toBe(true);
  await releaseMove(pool, ANOTHER);
  expect(await renewMove(pool, NOBODY, 1_000)).toBe(false);
});

test('the caller goes away while the new Redis is swept: nothing has changed', async () => {
  const bench = await start();
  await using proxy = await openProxy({ target: to() });
  proxy.latency(100);
  const onStep = () => {
    throw new Error('Ctrl-C');
  };
  await expect(moveQueue(bench.address, proxy.through(to()), { onStep })).rejects.toThrow('Ctrl-C');
  // The right to move it is given back at the end.
  await eventually(async () => expect(await holdMove(bench.pool, NOBODY, 1)).toBe(true), { deadlineMs: 15_000 });
  expect(await readRedisMove(bench.pool)).toMatchObject({ move: 0 });
});

test('who has not followed the last move yet does so before it moves the queue', async () => {
  const bench = await start();
  await record(bench, to());
  await releaseMove(bench.pool, NOBODY);
  await expect(moveQueue(bench.address, to())).rejects.toMatchObject({ code: 'QUEUE_ALREADY_THERE' });
});
