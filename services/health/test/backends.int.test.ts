/** What health says while real backends are killed and frozen. */
import { openTestbed, type Component, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REUSE_MS } from '../src/probes/component-probes.ts';
import type { Health } from '../src/service.ts';
import { get, getJson, startHealth } from './start-health.ts';

const NAMES = { postgres: 'Postgres', redis: 'Redis', nats: 'NATS' } as const;
const BACKENDS: readonly Component[] = ['postgres', 'redis', 'nats'];

let testbed: Testbed;
let health: Health;

beforeAll(async () => {
  testbed = await openTestbed();
  health = await startHealth({
    DATABASE_URL: testbed.postgres.url,
    REDIS_URL: testbed.redis.url,
    NATS_URL: testbed.nats.url,
  });
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
  await testbed.close();
});

const up = (component: Component) => ({
  code: 200,
  type: 'application/json',
  body: `{"status":"${NAMES[component]} is up"}`,
});
const down = (component: Component) => ({
  code: 503,
  type: 'application/json',
  body: `{"status":"${NAMES[component]} is down"}`,
});

/** A result may be REUSE_MS old, and a backend that was just started may be slow: soon is soon enough. */
async function soon(path: string, expected: object): Promise<void> {
  await eventually(async () => expect(await get(health, path)).toMatchObject(expected));
}

describe.each(BACKENDS)('%s', (component) => {
  const path = `/health/${component}`;

  test('up: 200 and the exact body', async () => {
    await soon(path, up(component));
  });

  test('killed: 503 and the exact body; started: 200', async () => {
    await testbed.backend(component).kill();
    await soon(path, down(component));
    await testbed.backend(component).start();
    await soon(path, up(component));
  });

  test('frozen: 503, again and again, and nobody else waits; thawed: 200', async () => {
    const others = BACKENDS.filter((other) => other !== component);
    await testbed.backend(component).freeze();
    await soon(path, down(component));
    await soon(path, down(component));
    for (const other of others) await soon(`/health/${other}`, up(other));
    await soon('/health/live', { code: 200, body: '{"status":"live"}' });
    await testbed.backend(component).thaw();
    await soon(path, up(component));
  });
});

describe('readiness', () => {
  test('without Redis and NATS requests are taken: 200, degraded, and why', async () => {
    await Promise.all([testbed.redis.kill(), testbed.nats.kill()]);
    await eventually(async () =>
      expect(await getJson(health, '/health/ready')).toMatchObject({
        code: 200,
        body: {
          status: 'degraded',
          components: {
            postgres: { status: 'up' },
            redis: { status: 'down', reason: expect.stringContaining('ECONNREFUSED') },
            nats: { status: 'down', reason: 'connection refused' },
          },
        },
      }),
    );
    await Promise.all([testbed.redis.start(), testbed.nats.start()]);
  });

  test('without Postgres they are not: 503, down; live all the while', async () => {
    await testbed.postgres.kill();
    await eventually(async () =>
      expect(await getJson(health, '/health/ready')).toMatchObject({ code: 503, body: { status: 'down' } }),
    );
    expect(await get(health, '/health/live')).toMatchObject({ code: 200 });
    await testbed.postgres.start();
    await eventually(async () => expect(await getJson(health, '/health/ready')).toMatchObject({ code: 200 }));
  });
});

describe('connections', () => {
  test('a flood of requests opens a handful, and none stays open', async () => {
    await using redis = await openRedis();
    await soon('/health/redis', up('redis'));
    const before = await redis.received();
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(health, '/health/redis')));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([200]));
    // One probe in REUSE_MS, however many ask: a handful, unless the machine takes seconds to answer them.
    const probes = 1 + Math.floor((performance.now() - began) / REUSE_MS);
    expect((await redis.received()) - before).toBeLessThanOrEqual(probes);
    await eventually(async () => expect(await redis.open()).toBe(1));
  });

  test('Postgres keeps none of a probe that is over', async () => {
    const client = new pg.Client({ connectionString: testbed.postgres.url });
    await client.connect();
    try {
      await soon('/health/postgres', up('postgres'));
      await eventually(async () => {
        const { rows } = await client.query(
          "SELECT pid FROM pg_stat_activity WHERE application_name = 'morningai-health'",
        );
        expect(rows).toEqual([]);
      });
    } finally {
      await client.end();
    }
  });
});

/** Redis' own count of its connections, of which one is this. */
async function openRedis() {
  const client = new Redis(testbed.redis.url);
  const info = async (section: string, field: string) =>
    Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await client.info(section))?.[1]);
  return {
    received: () => info('stats', 'total_connections_received'),
    open: () => info('clients', 'connected_clients'),
    async [Symbol.asyncDispose]() {
      await client.quit();
    },
  };
}
