/** What a ticket queue does behind Sentinels when its primary says nothing, and wakes. What it does when it is killed: drills/. */
import { once } from 'node:events';
import { openRedisGroup, type RedisGroup } from '@morningai/testbed/redis-group';
import { eventually } from '@morningai/testbed/eventually';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandClient } from './redis-clients.ts';
import { openTicketQueue, type Consumer, type TicketQueue } from './ticket-queue.ts';

const AGENT = 'faq';
const FAILOVER = { deadlineMs: 60_000 };

let group: RedisGroup;
let queue: TicketQueue;
let consumer: Consumer;
const taken: string[] = [];

beforeAll(async () => {
  group = await openRedisGroup();
  const nothing = () => undefined;
  queue = openTicketQueue({ url: group.url, prefix: 'sentinel', onChange: nothing, onError: nothing });
  await eventually(() => expect(queue.connected).toBe(true));
  consumer = queue.consume({
    epoch: 1,
    agent: AGENT,
    untilFree: () => Promise.resolve(),
    free: () => 0,
    take: async (_, tasks) => {
      taken.push(...tasks);
      return [];
    },
  });
});
afterAll(async () => {
  await group[Symbol.asyncDispose]();
});

/** Whoever offers must offer again what stays unclaimed. */
const comesThrough = (task: string) =>
  eventually(async () => {
    await queue.offer(1, AGENT, [{ tasks: [task], priority: 2 }]);
    await eventually(() => expect(taken).toContain(task), { deadlineMs: 1_000 });
  }, FAILOVER);

test('tickets flow through the primary that the Sentinels name', async () => {
  expect(await queue.marker.plant(1, 1)).toMatchObject({ kind: 'ok' });
  await comesThrough('before');
});

test('when it is frozen, and keeps its connections, they flow through its successor', async () => {
  const [first, second] = group.servers;
  await first.freeze();
  await comesThrough('after a freeze');
  // Sentinels learn of it one after the other.
  await eventually(async () => expect(await group.primary()).toBe(second));
  expect(await queue.marker.beat({ term: 1, epoch: 1, beat: 0 })).not.toMatchObject({ kind: 'superseded' });
});

test('a former primary that wakes, and still takes itself for one, takes nobody away', async () => {
  const [first, second] = group.servers;
  await first.thaw();
  await comesThrough('after its return');
  await eventually(async () => expect(await clientsAt(first.url)).toBe(1));
  // Sentinels learn of it one after the other.
  await eventually(async () => expect(await group.primary()).toBe(second));
});

test('closed, it has no connection to any server or Sentinel, whatever happened before', async () => {
  await consumer.close();
  await queue.close();
  await eventually(async () => {
    for (const { url } of [...group.servers, ...group.sentinels]) expect(await clientsAt(url)).toBe(1);
  });
});

/** Of ioredis, with the one that asks. */
async function clientsAt(url: string): Promise<number> {
  const redis = new Redis(url);
  try {
    await once(redis, 'ready');
    const clients = String(await redis.client('LIST')).split('\n');
    return clients.filter((line) => line.includes('lib-name=ioredis')).length;
  } finally {
    redis.disconnect();
  }
}

// ioredis ends for ever when Sentinels tell of a failover in the moment in which it asks them for the primary.
test('a client whose question to the Sentinels is cut short asks again', async () => {
  const closed = new AbortController();
  const client = commandClient(group.url, closed.signal);
  const { connector } = client as unknown as { readonly connector: { disconnect(): void } };
  client.on('error', () => undefined);
  const ended = new Promise((resolve) => client.once('end', resolve));
  connector.disconnect();
  await ended;
  await eventually(() => expect(client.status).toBe('ready'));
  closed.abort();
  client.disconnect();
  await eventually(() => expect(client.status).toBe('end'));
});
