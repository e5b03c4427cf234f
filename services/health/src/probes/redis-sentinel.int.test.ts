/** The probe of Redis behind Sentinels: it is the primary that is asked, over a fresh connection. */
import { eventually } from '@morningai/testbed/eventually';
import { openRedisGroup, type RedisGroup } from '@morningai/testbed/redis-group';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSilentPeer, unusedAddress } from '../../test/peers.ts';
import { runProbe } from './probe.ts';
import { redisProbe } from './redis.ts';

const TIMEOUT_MS = 1_000;
const FAILOVER = { deadlineMs: 60_000 };

let group: RedisGroup;

beforeAll(async () => {
  group = await openRedisGroup();
});
afterAll(() => group[Symbol.asyncDispose]());

const probe = (url: string) =>
  runProbe(
    redisProbe(() => Promise.resolve(url)),
    TIMEOUT_MS,
    ['hunter22'],
  );

test('the primary is up, also when a Sentinel is away and another says nothing', async () => {
  expect(await probe(group.url)).toMatchObject({ up: true });
  await using silent = await openSilentPeer();
  const hosts = `${silent.address},${await unusedAddress()},`;
  expect(await probe(group.url.replace('://', `://${hosts}`))).toMatchObject({ up: true });
});

test('Sentinels that are away, or know no such primary, are the reason', async () => {
  const away = `redis+sentinel://:hunter22@${await unusedAddress()}/mymaster?sentinel_password=hunter22`;
  expect(await probe(away)).toMatchObject({
    up: false,
    reason: expect.stringContaining('failed to connect to sentinel'),
  });
  const stranger = await probe(group.url.replace('mymaster', 'yourmaster'));
  expect(stranger).toMatchObject({ up: false, reason: expect.stringContaining('invalid reply') });
});

test('a killed primary is down until its replica was promoted', async () => {
  const [first, second] = group.servers;
  await first.kill();
  expect(await probe(group.url)).toMatchObject({ up: false, reason: expect.stringMatching(/refused/i) });
  await eventually(async () => expect(await probe(group.url)).toMatchObject({ up: true }), FAILOVER);
  // Sentinels learn of it one after the other.
  await eventually(async () => expect(await group.primary()).toBe(second));
});
