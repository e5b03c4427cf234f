import { randomUUID } from 'node:crypto';
import { reservePort } from '@morningai/testbed/ports';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { ticketPrefix } from './queue-names.ts';
import { readTickets } from './read-tickets.ts';
import { openTicketQueue } from './ticket-queue.ts';

const url = inject('redisUrl');
const redis = new Redis(url);
afterAll(() => redis.quit());

async function all(prefix: string, at = url): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of readTickets(at, prefix)) ids.push(...page);
  return ids.toSorted();
}

describe('the tickets in Redis', () => {
  test('are all found, of every agent, and none of another log', async () => {
    const [prefix, other] = [ticketPrefix(randomUUID()), ticketPrefix(randomUUID())];
    const ready = Promise.withResolvers<void>();
    const queue = openTicketQueue({ url, prefix, onChange: () => ready.resolve(), onError: () => undefined });
    await ready.promise;
    const ids = Array.from({ length: 2_500 }, () => randomUUID());
    const single = ids.slice(0, 2_000).map((id) => ({ tasks: [id], priority: 2 }));
    await queue.offer(1, 'echo', single);
    await queue.offer(2, 'faq', [{ tasks: ids.slice(2_000), priority: 0 }]);
    expect(await all(prefix)).toEqual(ids.toSorted());
    expect(await all(other)).toEqual([]);
    await queue.close();
  });

  test('are read from whatever queues there are, and what is no ticket is passed over', async () => {
    const prefix = ticketPrefix(randomUUID());
    await redis.hset(`${prefix}:e7-echo:b-1`, 'data', JSON.stringify({ tasks: ['a', 'b'] }));
    await redis.hset(`${prefix}:e7-echo:meta`, 'version', 'x');
    await redis.hset(`${prefix}:e7-echo:b-2`, 'data', '{}');
    await redis.rpush(`${prefix}:e7-echo:wait`, 'b-1');
    expect(await all(prefix)).toEqual(['a', 'b']);
  });

  test('of a Redis that is away cannot be had: it is said within the time limits', async () => {
    const { port } = await reservePort();
    await expect(all('x', `redis://127.0.0.1:${port}`)).rejects.toThrow();
  });
});
