import { once } from 'node:events';
import { eventually } from '@morningai/testbed/eventually';
import { openProxy } from '@morningai/testbed/proxy';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { queueName } from './queue-names.ts';
import { openTicketQueue, type Consumer, type TicketQueue } from './ticket-queue.ts';

const AGENT = 'faq';
/** Several looks, on a machine that is busy with other things. */
const COMES_AGAIN_MS = 60_000;
const nothing = () => undefined;
const free = () => Promise.resolve();

let files = 0;
let prefix: string;
let redis: Redis;
let queue: TicketQueue;

async function open(url = inject('redisUrl')): Promise<TicketQueue> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const opened = openTicketQueue({ url, prefix, onChange: (connected) => connected && resolve(), onError: nothing });
  await promise;
  return opened;
}

beforeEach(async () => {
  prefix = `test-${process.pid}-${(files += 1)}`;
  redis = new Redis(inject('redisUrl'));
  await once(redis, 'ready');
  queue = await open();
});
afterEach(async () => {
  await queue.close();
  redis.disconnect();
});

const keys = (pattern: string) => redis.keys(`${prefix}:${pattern}`);

/** Takes tickets into a list until it is closed. */
function collect(options: { epoch?: number; fits?: number; from?: TicketQueue } = {}) {
  const { epoch = 1, fits = Infinity, from = queue } = options;
  const taken: string[] = [];
  const consumer: Consumer = from.consume({
    epoch,
    agent: AGENT,
    untilFree: free,
    free: () => 0,
    take: async (_, tasks) => {
      taken.push(...tasks.slice(0, fits));
      return tasks.slice(fits);
    },
  });
  return { taken, consumer };
}

const ticketOf = (ticket: number, tasks: number) => Array.from({ length: tasks }, (_, n) => `${ticket}/${n}`);

describe('tickets', () => {
  // Found by a random schedule (seed 2010): the answer to a fetch was cut in half, and the ticket lay in Redis until the epoch ended.
  test('whose taker never heard that it has them come again, and none is left', async () => {
    await queue.offer(1, AGENT, [{ tasks: ['a'], priority: 2 }]);
    const connection = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
    const deaf = new Worker(queueName(1, AGENT), null, { connection, prefix, autorun: false, lockDuration: 100 });
    expect((await deaf.getNextJob('deaf'))?.data).toEqual({ tasks: ['a'] });
    await deaf.close(true);
    connection.disconnect();

    const { taken, consumer } = collect();
    await eventually(() => expect(taken).toEqual(['a']), { deadlineMs: COMES_AGAIN_MS });
    await eventually(async () => expect(await keys('*:b-*')).toEqual([]));
    await consumer.close();
  });

  test('are taken in the order of their priorities, and of their offers within one', async () => {
    await queue.offer(1, AGENT, [
      { tasks: ['later'], priority: 3 },
      { tasks: ['a', 'b'], priority: 2 },
      { tasks: ['c'], priority: 2 },
      { tasks: ['first'], priority: 0 },
      { tasks: ['second'], priority: 1 },
    ]);
    const { taken, consumer } = collect();
    await eventually(() => expect(taken).toEqual(['first', 'second', 'a', 'b', 'c', 'later']));
    await consumer.close();
  });

  test('are gone from Redis once they were taken', async () => {
    await queue.offer(1, AGENT, [{ tasks: ['a'], priority: 2 }]);
    expect(await keys('*:b-*')).toHaveLength(1);
    const { taken, consumer } = collect();
    await eventually(() => expect(taken).toEqual(['a']));
    await eventually(async () => expect(await keys('*:b-*')).toEqual([]));
    await consumer.close();
  });

  test('give back to the front what found no slot', async () => {
    await queue.offer(1, AGENT, [
      { tasks: ['a', 'b', 'c'], priority: 2 },
      { tasks: ['d'], priority: 2 },
    ]);
    const { taken, consumer } = collect({ fits: 1 });
    await eventually(() => expect(taken).toEqual(['a', 'b', 'c', 'd']));
    await consumer.close();
  });

  test.each([0, 2])(
    'of priority %i that found no slot go before their like, and not before what is more urgent',
    async (priority) => {
      await queue.offer(1, AGENT, [{ tasks: ['like'], priority }]);
      await queue.offer(1, AGENT, [{ tasks: ['left'], priority, front: true }]);
      if (priority > 0) await queue.offer(1, AGENT, [{ tasks: ['urgent'], priority: priority - 1 }]);
      const { taken, consumer } = collect();
      await eventually(() => expect(taken).toEqual([...(priority > 0 ? ['urgent'] : []), 'left', 'like']));
      await consumer.close();
    },
  );

  test('give back what found no slot also when Redis refuses to give more of them', async () => {
    await queue.offer(1, AGENT, [{ tasks: ['a', 'b', 'c'], priority: 0 }]);
    const [name = ''] = await keys('*:wait');
    const prioritized = name.replace(/wait$/, 'prioritized');
    // What is not at the front of all cannot be taken: an error, and not "nothing there".
    await redis.set(prioritized, 'no list at all');
    const taken: string[] = [];
    const consumer = queue.consume({
      epoch: 1,
      agent: AGENT,
      untilFree: free,
      free: () => 1,
      take: async (_, [first = '', ...left]) => {
        taken.push(first);
        return left;
      },
    });
    await eventually(() => expect(taken).toEqual(['a', 'b', 'c']));
    await consumer.close();
  });

  test('that were taken and put back keep their priority', async () => {
    await queue.offer(1, AGENT, [{ tasks: ['a', 'b', 'c'], priority: 3 }]);
    let urgent = Promise.resolve();
    const taken: string[] = [];
    const consumer = queue.consume({
      epoch: 1,
      agent: AGENT,
      untilFree: free,
      free: () => 0,
      take: async (_, [first = '', ...left]) => {
        if (taken.length === 0) urgent = queue.offer(1, AGENT, [{ tasks: ['urgent'], priority: 2 }]);
        await urgent;
        taken.push(first);
        return left;
      },
    });
    await eventually(() => expect(taken).toEqual(['a', 'urgent', 'b', 'c']));
    await consumer.close();
  });

  test('are taken only while there is a slot to give', async () => {
    const slot = Promise.withResolvers<void>();
    const taken: string[] = [];
    const consumer = queue.consume({
      epoch: 1,
      agent: AGENT,
      untilFree: () => slot.promise,
      free: () => 0,
      take: async (_, tasks) => {
        taken.push(...tasks);
        return [];
      },
    });
    await queue.offer(1, AGENT, [{ tasks: ['a'], priority: 2 }]);
    expect(await keys('*:b-*')).toHaveLength(1);
    slot.resolve();
    await eventually(() => expect(taken).toEqual(['a']));
    await consumer.close();
  });

  test('are taken together when there are slots for more than one, and no more than that', async () => {
    const slots = 150;
    const taken: string[] = [];
    const finished = Promise.withResolvers<void>();
    await queue.offer(
      1,
      AGENT,
      Array.from({ length: 5 }, (_, ticket) => ({ tasks: ticketOf(ticket, 50), priority: 2 })),
    );
    const consumer = queue.consume({
      epoch: 1,
      agent: AGENT,
      untilFree: free,
      free: () => slots - taken.length,
      take: async (_, tasks) => {
        taken.push(...tasks);
        await finished.promise;
        return [];
      },
    });
    await eventually(() => expect(taken).toEqual([0, 1, 2].flatMap((ticket) => ticketOf(ticket, 50))));
    expect(await keys('*:b-*:lock')).toHaveLength(3);
    finished.resolve();
    await consumer.close();
  });

  test('of an earlier epoch are removed, and those of this one are not', async () => {
    await queue.offer(1, AGENT, [{ tasks: ['old'], priority: 2 }]);
    await queue.offer(2, AGENT, [{ tasks: ['new'], priority: 2 }]);
    await queue.dropEpochsBefore(2);
    expect(await keys('e1-*')).toEqual([]);
    const { taken, consumer } = collect({ epoch: 2 });
    await eventually(() => expect(taken).toEqual(['new']));
    await consumer.close();
  });

  test('come again through a partition that said nothing', async () => {
    await using proxy = await openProxy({ target: inject('redisUrl') });
    const behind = await open(proxy.through(inject('redisUrl')));
    const { taken, consumer } = collect({ from: behind });
    await queue.offer(1, AGENT, [{ tasks: ['a'], priority: 2 }]);
    await eventually(() => expect(taken).toEqual(['a']));
    proxy.blackHole();
    await expect(behind.offer(1, AGENT, [{ tasks: ['lost'], priority: 2 }])).rejects.toThrow();
    proxy.pass();
    await queue.offer(1, AGENT, [{ tasks: ['b'], priority: 2 }]);
    await eventually(() => expect(taken).toContain('b'));
    await consumer.close();
    await behind.close();
  });
});

describe('the marker', () => {
  test('rises with every beat of its leader', async () => {
    expect(await queue.marker.read()).toBeNull();
    expect(await queue.marker.plant(1, 1)).toMatchObject({ kind: 'ok' });
    const first = await queue.marker.beat({ term: 1, epoch: 1, beat: 0 });
    expect(first).toEqual({ kind: 'ok', mark: { term: 1, epoch: 1, beat: 1 } });
    expect(await queue.marker.read()).toEqual({ term: 1, epoch: 1, beat: 1 });
  });

  test.each([
    ['is missing', null],
    ['has a lower beat: a stale copy', { term: 3, epoch: 5, beat: 8 }],
    ['has a lower epoch', { term: 3, epoch: 4, beat: 90 }],
    ['has a lower term', { term: 2, epoch: 5, beat: 90 }],
  ])('that %s says that Redis forgot', async (_, there) => {
    if (there !== null) await redis.hset(`${prefix}:marker`, there);
    expect(await queue.marker.beat({ term: 3, epoch: 5, beat: 9 })).toEqual({ kind: 'forgot' });
  });

  test('with a higher term or epoch overrules a leader that was frozen, and is not overwritten by it', async () => {
    await queue.marker.plant(4, 6);
    for (const [term, epoch] of [
      [3, 5],
      [4, 5],
    ] as const) {
      expect(await queue.marker.beat({ term, epoch, beat: 9 })).toMatchObject({ kind: 'superseded' });
      expect(await queue.marker.plant(term, epoch)).toMatchObject({ kind: 'superseded', mark: { term: 4, epoch: 6 } });
    }
    expect(await queue.marker.read()).toEqual({ term: 4, epoch: 6, beat: 0 });
  });

  test('works after the scripts were flushed', async () => {
    await queue.marker.plant(1, 1);
    await redis.script('FLUSH');
    expect(await queue.marker.beat({ term: 1, epoch: 1, beat: 0 })).toMatchObject({ kind: 'ok' });
  });

  test('that is erased looks as if Redis had forgotten', async () => {
    await queue.marker.plant(1, 1);
    await queue.marker.erase();
    expect(await queue.marker.beat({ term: 1, epoch: 1, beat: 0 })).toEqual({ kind: 'forgot' });
  });
});

test('without Redis every call fails at once', async () => {
  const away = openTicketQueue({ url: 'redis://127.0.0.1:1', prefix, onChange: nothing, onError: nothing });
  expect(away.connected).toBe(false);
  await expect(away.offer(1, AGENT, [{ tasks: ['a'], priority: 2 }])).rejects.toThrow();
  await expect(away.marker.read()).rejects.toThrow();
  await expect(away.memoryPolicy()).rejects.toThrow();
  await away.close();
});
