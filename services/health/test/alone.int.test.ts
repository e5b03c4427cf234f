/** Health with nothing around it, and with things around it that are not what they should be. */
import { describe, expect, test } from 'vitest';
import { openGarbagePeer, openSilentPeer, type Peer } from './peers.ts';
import { get, getJson, startHealth } from './start-health.ts';

const PATHS = ['/health/postgres', '/health/redis', '/health/nats'] as const;

const pointedAt = (peer: Peer) => ({
  DATABASE_URL: `postgres://me:hunter22@${peer.address}/x`,
  REDIS_URL: `redis://:hunter22@${peer.address}`,
  NATS_URL: `nats://me:hunter22@${peer.address}`,
  HEALTH_PROBE_MS: '300',
});

describe('with every component away', () => {
  test('it starts, and says so of each', async () => {
    await using health = await startHealth();
    expect(await get(health, '/health/live')).toEqual({
      code: 200,
      type: 'application/json',
      body: '{"status":"live"}',
    });
    for (const path of PATHS) expect(await get(health, path)).toMatchObject({ code: 503 });
    expect(await getJson(health, '/health/ready')).toMatchObject({ code: 503, body: { status: 'down' } });
    expect(await getJson(health, '/health')).toMatchObject({ code: 503, body: { status: 'fail' } });
    expect((await get(health, '/metrics')).body).toContain('morningai_component_up{component="redis"} 0');
  });

  test('an unknown path is a problem with a code', async () => {
    await using health = await startHealth();
    expect(await getJson(health, '/health/mysql')).toMatchObject({ code: 404, body: { code: 'ROUTE_NOT_FOUND' } });
  });
});

describe('with strangers in their places', () => {
  test.each([
    ['garbage', () => openGarbagePeer('220 mail.example.org ESMTP\r\n')],
    ['nothing', openSilentPeer],
  ])('servers that answer %s are down', async (_what, open) => {
    await using peer = await open();
    await using health = await startHealth(pointedAt(peer));
    const answers = await Promise.all(PATHS.map((path) => get(health, path)));
    expect(answers.map(({ code }) => code)).toEqual([503, 503, 503]);
  });

  test('200 requests at once for a server that hangs are answered by one connection', async () => {
    await using peer = await openSilentPeer();
    await using health = await startHealth({ ...pointedAt(peer), HEALTH_PROBE_MS: '1000' });
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(health, '/health/redis')));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([503]));
    expect(peer.accepted()).toBeLessThanOrEqual(2);
  });

  test('no answer has a password in it', async () => {
    await using peer = await openGarbagePeer('hunter22\r\n');
    await using health = await startHealth(pointedAt(peer));
    const bodies = await Promise.all(['/health', '/health/ready', '/metrics'].map((path) => get(health, path)));
    expect(JSON.stringify(bodies)).not.toContain('hunter22');
  });
});

test('while draining it still answers: 503, draining', async () => {
  const health = await startHealth({ HEALTH_DRAIN_MS: '1000' });
  const closed = health[Symbol.asyncDispose]();
  expect(await getJson(health, '/health/ready')).toMatchObject({ code: 503, body: { status: 'draining' } });
  expect(await get(health, '/health/live')).toMatchObject({ code: 200 });
  await closed;
  await expect(get(health, '/health/live')).rejects.toThrow();
});
