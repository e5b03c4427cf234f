import { randomUUID } from 'node:crypto';
import { reservePort } from '@morningai/testbed/ports';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { readTickets, ticketPrefix } from './read-tickets.ts';
import { openTickets } from './tickets.ts';

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
    const tickets = openTickets({
      url,
      prefix,
      handle: async () => undefined,
      onChange: () => ready.resolve(),
      onError: () => undefined,
    });
    await ready.promise;
    const ids = Array.from({ length: 2_500 }, () => randomUUID());
    await tickets.offer(
      'echo',
      ids.slice(0, 2_000).map((id) => [id]),
    );
    await tickets.offer('faq', [ids.slice(2_000)]);
    expect(await all(prefix)).toEqual(ids.toSorted());
    expect(await all(other)).toEqual([]);
    await tickets.close();
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
