/** The queue is moved to another Redis in mid-run: nothing is lost, nothing runs twice, and everybody comes to the same Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { redisPlace } from '@morningai/queue/redis-place';
import { createWorker, defineAgent, type Worker } from '@morningai/sdk';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { reservePort } from '@morningai/testbed/ports';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { holdMove, readRedisMove } from '../src/store/redis-move.ts';
import { moveQueue, readQueue, readStatus } from './move-queue.ts';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

const TASKS = 200;
const SLOTS = 10;
const WORK_MS = 10;
const CANARY = 'canary-in-every-url';

let [first, second]: Testbed[] = [];
let [here, there]: Redis[] = [];

const at = <T>(one: T | undefined): T => {
  if (one === undefined) throw new Error('not opened yet');
  return one;
};
const client = (testbed: Testbed) => {
  const redis = new Redis(testbed.redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  return redis;
};

beforeAll(async () => {
  [first, second] = await Promise.all([1, 2].map(() => openTestbed({ components: ['redis'] })));
  [here, there] = [client(at(first)), client(at(second))];
});
beforeEach(async () => {
  await at(first).redis.start();
  await Promise.all([at(here).flushall(), at(there).flushall()]);
});
afterAll(async () => {
  here?.disconnect();
  there?.disconnect();
  await Promise.all([first?.close(), second?.close()]);
});

const from = () => at(first).redis.url;
const to = () => at(second).redis.url;

const slowEcho = defineAgent({
  name: 'echo',
  version: '1',
  input: z.unknown(),
  async run(_, input) {
    await delay(WORK_MS);
    return input;
  },
});

async function join(address: string): Promise<Worker> {
  const worker = createWorker({ address, apiKey: API_KEY, agents: [slowEcho], slots: SLOTS });
  await worker.ready;
  return worker;
}

const submit = (bench: Bench, tasks: number) => bench.submit(...Array.from({ length: tasks }, () => ({})));
const untilOpen = (address: string) => eventually(async () => expect((await readQueue(address)).lane).toBe('queue'));

type Epoch = { cause: string; redis: string };
const epochs = (bench: Bench) =>
  bench.pool.query<Epoch>(
    {
      name: 'epochs',
      sql: `SELECT data ->> 'cause' AS cause, data ->> 'redis' AS redis FROM events WHERE stream = 'dispatch' ORDER BY version`,
    },
    [],
  );

/** All done, each by one attempt, and recorded once. */
async function allDone(bench: Bench, tasks: number): Promise<void> {
  await eventually(
    async () => expect((await bench.verify()).ledger).toMatchObject({ accepted: tasks, completed: tasks }),
    { deadlineMs: 100_000, everyMs: 250 },
  );
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  const sql = `SELECT count(*)::int AS count FROM events WHERE type = 'AttemptStarted'`;
  expect(await bench.pool.query({ name: 'attempts', sql }, [])).toEqual([{ count: tasks }]);
}

describe('with tasks in flight', () => {
  test('an empty Redis takes over, and the one before is left empty; back again it goes the same way', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: from() });
    await untilOpen(bench.address);
    const worker = await join(bench.address);
    await submit(bench, TASKS);
    await eventually(async () => expect((await at(here).keys('*:b-*')).length).toBeGreaterThan(0), { everyMs: 1 });
    const moved = await moveQueue(bench.address, to());
    expect(moved.steps).toEqual(['checked', 'moved', 'open', 'claimed']);
    expect(moved.report).toMatchObject({
      from: redisPlace(from()),
      to: redisPlace(to()),
      oldAnswers: true,
      leftovers: 0n,
      orchestrators: 1,
      followed: 1,
      oldKeys: 'deleted',
      why: '',
    });
    expect(await at(here).keys('*')).toEqual([]);
    await submit(bench, TASKS);
    const back = await moveQueue(bench.address, from());
    expect(back.report).toMatchObject({ from: redisPlace(to()), to: redisPlace(from()), oldKeys: 'deleted' });
    await submit(bench, TASKS);
    await allDone(bench, 3 * TASKS);
    expect(await epochs(bench)).toEqual([
      { cause: 'a new leader', redis: redisPlace(from()) },
      { cause: 'moved to another redis', redis: redisPlace(to()) },
      { cause: 'moved to another redis', redis: redisPlace(from()) },
    ]);
    await worker.close();
  });

  test('a Redis that is gone is left behind', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: from() });
    await untilOpen(bench.address);
    const worker = await join(bench.address);
    await submit(bench, TASKS);
    await at(first).redis.kill();
    const { report } = await moveQueue(bench.address, to());
    expect(report).toMatchObject({ oldAnswers: false, oldKeys: 'unreachable', followed: 1, why: '' });
    await submit(bench, TASKS);
    await allDone(bench, 2 * TASKS);
    await worker.close();
  });

  test('every orchestrator follows, whoever is asked, and whoever starts later', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: from() });
    await using other = await bench.beside();
    await untilOpen(bench.address);
    await untilOpen(other.address);
    const workers = [await join(bench.address), await join(other.address)];
    await submit(bench, TASKS);
    const { report } = await moveQueue(other.address, to());
    expect(report).toMatchObject({ orchestrators: 2, followed: 2, oldKeys: 'deleted' });
    await using late = await bench.beside();
    for (const { address } of [bench, other, late]) {
      await untilOpen(address);
      expect((await readQueue(address)).redis).toMatchObject({
        place: redisPlace(to()),
        movedAt: expect.any(Date) as Date,
      });
    }
    await submit(bench, TASKS);
    await allDone(bench, 2 * TASKS);
    expect(await at(here).keys('*')).toEqual([]);
    await Promise.all(workers.map((worker) => worker.close()));
  });
});

describe('what is refused changes nothing', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startOrchestrator({ REDIS_URL: from() });
    await untilOpen(bench.address);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  const refused = async (url: string, code: string, dryRun = false) => {
    const before = await readQueue(bench.address);
    await expect(moveQueue(bench.address, url, { dryRun })).rejects.toMatchObject({
      code,
      message: expect.not.stringContaining(CANARY) as string,
    });
    expect((await readRedisMove(bench.pool))?.place ?? null).toBeNull();
    expect((await readQueue(bench.address)).redis).toEqual(before.redis);
  };
  const withPassword = (password: string) => to().replace('redis://', `redis://:${password}@`);

  test.each([
    '',
    'nonsense',
    'http://there',
    `redis//:${CANARY}@there`,
    'redis://there:port',
    'redis://there:6379/?keyPrefix=x',
    `redis://${'x'.repeat(3_000)}`,
  ])('no Redis URL: %s', (url) => refused(url, 'QUEUE_URL_INVALID'));

  test('nobody is there', async () => {
    const { port, release } = await reservePort();
    await refused(`redis://:${CANARY}@127.0.0.1:${port}`, 'QUEUE_TARGET_UNREACHABLE');
    release();
  });

  test('it has no such database', () => refused(`${to()}/99`, 'QUEUE_TARGET_UNFIT'));

  test('a password is missing, or wrong', async () => {
    await at(there).config('SET', 'requirepass', 'the-right-one');
    try {
      await refused(to(), 'QUEUE_TARGET_REFUSES');
      await refused(withPassword(CANARY), 'QUEUE_TARGET_REFUSES');
    } finally {
      await at(there).config('SET', 'requirepass', '');
    }
  });

  test('it may erase tickets', async () => {
    await at(there).config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      await refused(to(), 'QUEUE_TARGET_EVICTS');
    } finally {
      await at(there).config('SET', 'maxmemory-policy', 'noeviction');
    }
  });

  test('it takes no writes', async () => {
    const { hostname, port } = new URL(from());
    await at(there).replicaof(hostname, Number(port));
    try {
      await refused(to(), 'QUEUE_TARGET_UNFIT');
    } finally {
      await at(there).replicaof('NO', 'ONE');
    }
  });

  test.each(['morningai-00000000:marker', 'somebody:else'])('it has keys that are not ours: %s', async (key) => {
    await at(there).set(key, '1');
    await refused(to(), 'QUEUE_TARGET_TAKEN', true);
    await refused(to(), 'QUEUE_TARGET_TAKEN');
    expect(await at(there).keys('*')).toEqual([key]);
  });

  test('it is the server that is used now, also by another name', async () => {
    await refused(from(), 'QUEUE_ALREADY_THERE');
    await refused(from().replace('127.0.0.1', 'localhost'), 'QUEUE_ALREADY_THERE');
  });

  test('another move is under way', async () => {
    expect(await holdMove(bench.pool, '00000000-0000-4000-8000-000000000000', 1_000)).toBe(true);
    await refused(to(), 'QUEUE_MOVE_RUNNING');
    // Whoever had it is gone: its right ends by itself.
    await eventually(async () => expect((await moveQueue(bench.address, to())).report.why).toBe(''));
    await moveQueue(bench.address, from());
  });
});

test('a dry run says what would be done, and does nothing', async () => {
  await using bench = await startOrchestrator({ REDIS_URL: from() });
  await untilOpen(bench.address);
  const { steps, report } = await moveQueue(bench.address, to(), { dryRun: true });
  expect(steps).toEqual(['checked']);
  expect(report).toMatchObject({ dryRun: true, to: redisPlace(to()), oldKeys: 'kept', epoch: undefined });
  expect(await at(there).keys('*')).toEqual([]);
  expect(await readRedisMove(bench.pool)).toBeNull();
  expect(await epochs(bench)).toHaveLength(1);
});

test('what an earlier stay has left there is not read, but deleted', async () => {
  await using bench = await startOrchestrator({ REDIS_URL: from() });
  await untilOpen(bench.address);
  const marker = (await at(here).keys('*:marker'))[0] ?? '';
  // As a Redis would have it that knows more than this log: a copy of a later time.
  await at(there).hset(marker, { term: 1_000, epoch: 1_000, beat: 7 });
  const { report } = await moveQueue(bench.address, to());
  expect(report).toMatchObject({ leftovers: 1n, epoch: 2n, why: '' });
});

describe('a password in the URL', () => {
  const password = () => to().replace('redis://', `redis://:${CANARY}@`);
  const said: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) });
  beforeEach(() => at(there).config('SET', 'requirepass', CANARY));
  // The connection that set it may still do so.
  afterAll(() => there?.config('SET', 'requirepass', ''));

  test('is nowhere to be read, and every start knows it, until the API key is another', async () => {
    await using bench = await startOrchestrator({ REDIS_URL: from() }, { logger });
    await untilOpen(bench.address);
    const worker = await join(bench.address);
    await submit(bench, TASKS);
    const moved = await moveQueue(bench.address, password());
    await allDone(bench, TASKS);
    await worker.close();
    await bench.restart();
    await untilOpen(bench.address);
    const answers = [moved, await readQueue(bench.address), await readStatus(bench.address)];
    const shown = JSON.stringify(answers, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    expect(shown).not.toContain(CANARY);
    expect(said.join('')).toContain('the queue was moved: REDIS_URL is not used');
    expect(said.join('')).not.toContain(CANARY);
    for (const table of ['events', 'redis_move', 'orchestrators']) {
      const rows = await bench.pool.query<{ text: string }>({ name: '', sql: `SELECT t::text FROM ${table} t` }, []);
      expect(rows.length).toBeGreaterThan(0);
      expect(JSON.stringify(rows)).not.toContain(CANARY);
    }
    said.length = 0;
    await using _ = await bench.beside({ MORNINGAI_API_KEY: 'another-key-for-tests' });
    expect(said.join('')).toContain('the password of this redis cannot be read');
  });
});

test('once REDIS_URL says the same, it is used again because it says so', async () => {
  await using bench = await startOrchestrator({ REDIS_URL: from() });
  await untilOpen(bench.address);
  await moveQueue(bench.address, to());
  await bench.restart();
  expect((await readQueue(bench.address)).redis).toMatchObject({
    place: redisPlace(to()),
    movedAt: expect.any(Date) as Date,
  });
  await bench.restart({ REDIS_URL: to() });
  await eventually(async () => {
    expect((await readQueue(bench.address)).redis).toMatchObject({ place: redisPlace(to()), movedAt: undefined });
  });
  expect(await readRedisMove(bench.pool)).toMatchObject({ move: 2, place: null, sealedUrl: null });
  await untilOpen(bench.address);
});
