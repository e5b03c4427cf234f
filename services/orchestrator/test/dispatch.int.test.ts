/** Work goes on, whatever happens to Redis: each test hurts a Redis of its own in mid-run. */
import { setTimeout as delay } from 'node:timers/promises';
import { createWorker, defineAgent, type Worker } from '@morningai/sdk';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { reservePort } from '@morningai/testbed/ports';
import { openProxy } from '@morningai/testbed/proxy';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

const TASKS = 200;
const SLOTS = 10;
const WORK_MS = 10;
/** Seconds on a quiet machine. */
const DONE_WITHIN_MS = 100_000;

let testbed: Testbed;
let redis: Redis;

beforeAll(async () => {
  testbed = await openTestbed({ components: ['redis'] });
  redis = new Redis(testbed.redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
});
beforeEach(async () => {
  await testbed.redis.start();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await testbed.close();
});

const slowEcho = defineAgent({
  name: 'echo',
  version: '1',
  input: z.unknown(),
  async run(_, input) {
    await delay(WORK_MS);
    return input;
  },
});

async function join(bench: Bench): Promise<Worker> {
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [slowEcho], slots: SLOTS });
  await worker.ready;
  return worker;
}

const ticketKeys = async () => (await redis.keys('*:b-*')).length;
const submit = (bench: Bench, tasks: number) => bench.submit(...Array.from({ length: tasks }, () => ({})));

type Epoch = { epoch: number; cause: string };
const epochs = (bench: Bench) =>
  bench.pool.query<Epoch>(
    {
      name: 'epochs',
      sql: `SELECT (data ->> 'epoch')::int AS epoch, data ->> 'cause' AS cause FROM events WHERE stream = 'dispatch' ORDER BY version`,
    },
    [],
  );

/** How many events of this type there are. */
async function count(bench: Bench, type: string): Promise<number> {
  const sql = `SELECT count(*)::int AS count FROM events WHERE type = $1`;
  const [row] = await bench.pool.query<{ count: number }>({ name: 'count_events', sql }, [type]);
  return row?.count ?? 0;
}

/** All done, each by one attempt, and recorded once. */
async function allDone(bench: Bench, tasks: number): Promise<void> {
  const report = await eventually(
    async () => {
      const { ledger } = await bench.verify();
      expect(ledger).toMatchObject({ accepted: tasks, completed: tasks });
      return bench.verify();
    },
    { deadlineMs: DONE_WITHIN_MS, everyMs: 250 },
  );
  expect(report).toMatchObject({ problems: [], recordedTwice: 0 });
  expect(await count(bench, 'AttemptStarted')).toBe(tasks);
}

describe('with tasks in flight', () => {
  /** Submits, waits until tickets are in Redis, hurts it, and sees everything done. */
  const survives = async (hurt: (bench: Bench) => Promise<void>, url = testbed.redis.url): Promise<Bench> => {
    const bench = await startOrchestrator({ REDIS_URL: url });
    await eventually(async () => expect(await epochs(bench)).toHaveLength(1));
    const worker = await join(bench);
    await submit(bench, TASKS);
    await eventually(async () => expect(await ticketKeys()).toBeGreaterThan(0), { everyMs: 1 });
    await hurt(bench);
    await submit(bench, TASKS);
    await allDone(bench, 2 * TASKS);
    await worker.close();
    return bench;
  };

  test('a Redis that is flushed gets the next epoch, and is filled again', async () => {
    await using bench = await survives(async () => void (await redis.flushall()));
    expect(await epochs(bench)).toMatchObject([
      { epoch: 1, cause: 'a new leader' },
      { epoch: 2, cause: 'redis forgot' },
    ]);
    await eventually(async () => expect(await redis.keys('*:e1-*')).toEqual([]));
    const sql = `SELECT DISTINCT data ->> 'lane' AS lane FROM events WHERE type = 'AttemptStarted'`;
    expect(await bench.pool.query({ name: 'lanes', sql }, [])).toContainEqual({ lane: 'queue' });
  });

  test('a Redis that is killed and comes back empty is not missed', async () => {
    await using bench = await survives(async () => {
      await testbed.redis.wipe();
      await testbed.redis.start();
    });
    await eventually(async () => expect(await epochs(bench)).toHaveLength(2));
  });

  test('tickets that vanish without a trace are missed by nobody', async () => {
    await using bench = await survives(async () => {
      const keys = await redis.keys('*:e1-*');
      await redis.unlink(...keys);
    });
    expect(await epochs(bench)).toHaveLength(1);
  });

  test('a Redis that is frozen does not hold up the work', async () => {
    await using bench = await survives(async () => testbed.redis.freeze());
    await testbed.redis.thaw();
    await submit(bench, 1);
  });

  test('a silent partition does not hold up the work', async () => {
    await using proxy = await openProxy({ target: testbed.redis.url });
    await using _ = await survives(async () => proxy.blackHole(), proxy.through(testbed.redis.url));
  });

  test('a connection that breaks is no reason to give tickets out twice', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: testbed.redis.url });
    await eventually(async () => expect(await epochs(bench)).toHaveLength(1));
    const end = Promise.withResolvers<void>();
    const waiting = defineAgent({ name: 'echo', version: '1', input: z.unknown(), run: () => end.promise });
    const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [waiting], slots: 1 });
    await worker.ready;
    await submit(bench, TASKS);
    const ticketed = async () => {
      const jobs = (await redis.keys('*:b-*')).filter((key) => !key.endsWith(':lock'));
      const found = await Promise.all(jobs.map((key) => redis.hget(key, 'data')));
      return found.flatMap((data) => (JSON.parse(data ?? '{"tasks":[]}') as { tasks: string[] }).tasks);
    };
    await eventually(async () => expect(await ticketed()).toHaveLength(TASKS - 1));
    const last = async () => {
      // A queue of BullMQ has a marker of its own, under the queue's name.
      const ours = (await redis.keys('*:marker')).find((key) => key.split(':').length === 2);
      return Number(await redis.hget(ours ?? '', 'beat'));
    };
    for (let breaks = 0; breaks < 3; breaks += 1) {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const beat = await last();
      // The lane is open again, and has had a turn.
      await eventually(async () => expect(await last()).toBeGreaterThan(beat + 2));
    }
    expect((await ticketed()).length).toBeLessThanOrEqual(TASKS);
    end.resolve();
    await allDone(bench, TASKS);
    await worker.close();
  });

  test('what is due later is due in the next epoch as well, whatever other tickets come', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: testbed.redis.url });
    await eventually(async () => expect(await epochs(bench)).toHaveLength(1));
    const worker = await join(bench);
    const dueIn = (ms: number) => ({ dueAt: new Date(Date.now() + ms) });
    const { id } = await bench.accept(dueIn(2_000));
    await redis.flushall();
    await eventually(async () => expect(await epochs(bench)).toHaveLength(2));
    let others = 0;
    await eventually(
      async () => {
        await bench.submit(dueIn(50));
        others += 1;
        expect((await bench.get(id)).status).toBe('completed');
      },
      { deadlineMs: 6_000, everyMs: 200 },
    );
    await allDone(bench, others + 1);
    await worker.close();
  });

  test('a Redis that may erase tickets is not relied upon', async () => {
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      await using bench = await startOrchestrator({ REDIS_URL: testbed.redis.url });
      const worker = await join(bench);
      await submit(bench, TASKS);
      await allDone(bench, TASKS);
      expect(await epochs(bench)).toEqual([]);
      await worker.close();
    } finally {
      await redis.config('SET', 'maxmemory-policy', 'noeviction');
    }
  });
});

test.each(['queue', 'log'])(
  'a tenant at its limit and tasks of a taken key hold up nobody else, in the %s lane',
  async (lane) => {
    const { port } = await reservePort();
    const url = lane === 'queue' ? testbed.redis.url : `redis://127.0.0.1:${port}`;
    await using bench = await startOrchestrator({ REDIS_URL: url, MAX_RUNNING_PER_TENANT: '5' });
    const end = Promise.withResolvers<void>();
    const waiting = defineAgent({
      name: 'echo',
      version: '1',
      input: z.unknown(),
      run: (_, input) => (input === 'wait' ? end.promise : Promise.resolve()),
    });
    const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [waiting], slots: SLOTS });
    await worker.ready;
    const blocked = { inputJson: '"wait"' };
    await bench.submitFor('busy', ...Array.from({ length: 300 }, () => blocked));
    await bench.submit(...Array.from({ length: 40 }, () => ({ ...blocked, concurrencyKey: 'one' })));
    await submit(bench, 100);
    await eventually(async () => expect((await bench.verify()).ledger.completed).toBe(100), {
      deadlineMs: DONE_WITHIN_MS,
      everyMs: 250,
    });
    end.resolve();
    await allDone(bench, 440);
    await worker.close();
  },
);

test('a tenant at its limit holds up nobody else whose worker is connected to another orchestrator than the one that leads', async () => {
  await using bench = await startOrchestrator({ REDIS_URL: testbed.redis.url, MAX_RUNNING_PER_TENANT: '5' });
  await eventually(async () => expect(await epochs(bench)).toHaveLength(1));
  await using second = await bench.beside();
  const end = Promise.withResolvers<void>();
  const waiting = defineAgent({
    name: 'echo',
    version: '1',
    input: z.unknown(),
    run: (_, input) => (input === 'wait' ? end.promise : Promise.resolve()),
  });
  const worker = createWorker({ address: second.address, apiKey: API_KEY, agents: [waiting], slots: SLOTS });
  await worker.ready;
  // More than the window holds.
  for (let calls = 0; calls < 3; calls += 1) {
    await bench.submitFor('busy', ...Array.from({ length: TASKS }, () => ({ inputJson: '"wait"' })));
  }
  await eventually(async () => expect(await count(bench, 'AttemptStarted')).toBe(5));
  await eventually(async () => expect(await ticketKeys()).toBe(0));
  await submit(bench, 300);
  await eventually(async () => expect(await count(bench, 'TaskCompleted')).toBe(300), { deadlineMs: 20_000 });
  end.resolve();
  await worker.close();
});

test('of two agents the one that has no worker, and more queued than the window holds, takes nothing from the other', async () => {
  await using bench = await startOrchestrator({ REDIS_URL: testbed.redis.url });
  await eventually(async () => expect(await epochs(bench)).toHaveLength(1));
  await using second = await bench.beside();
  const lonely = defineAgent({ name: 'lonely', version: '1', input: z.unknown(), run: async () => null });
  const gone = createWorker({ address: bench.address, apiKey: API_KEY, agents: [lonely] });
  await gone.ready;
  await gone.close();
  for (let calls = 0; calls < 3; calls += 1) {
    await bench.submit(...Array.from({ length: 500 }, () => ({ agent: 'lonely', priority: 0 })));
  }
  const join = (address: string) => createWorker({ address, apiKey: API_KEY, agents: [slowEcho], slots: SLOTS });
  const workers = [join(bench.address), join(second.address)];
  await Promise.all(workers.map(({ ready }) => ready));
  await submit(bench, TASKS);
  await eventually(async () => expect(await count(bench, 'TaskCompleted')).toBe(TASKS), { deadlineMs: 20_000 });
  // No ticket, no slot and no attempt was spent on what nobody can take.
  const keys = await redis.keys('*lonely*');
  // What its queue says of itself, from when it had a worker.
  expect(keys.filter((key) => !key.endsWith(':meta') && !key.endsWith(':stalled-check'))).toEqual([]);
  expect(await count(bench, 'AttemptStarted')).toBe(TASKS);
  // Nor is it forgotten: whoever comes finds it.
  const come = createWorker({ address: second.address, apiKey: API_KEY, agents: [lonely], slots: 100 });
  await allDone(bench, TASKS + 1_500);
  await Promise.all([...workers, come].map((worker) => worker.close()));
});
