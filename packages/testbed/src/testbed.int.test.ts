import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORES } from '../test/stores.ts';
import { eventually } from './eventually.ts';
import { ensureDebianRoot } from './processes/debian-root.ts';
import { PROBES } from './probes/answer.ts';
import { openRun } from './run.ts';
import { type Component, type Testbed, openTestbed } from './testbed.ts';

const COMPONENTS: Component[] = ['postgres', 'redis', 'nats'];

/** The contract of every provider; TESTBED=containers runs it on containers. */
describe.each(COMPONENTS)('%s', (component) => {
  const store = STORES[component];
  let testbed: Testbed;
  const backend = () => testbed.backend(component);

  beforeAll(async () => {
    testbed = await openTestbed({ components: [component], redisPersistence: 'appendonly' });
  });
  afterAll(() => testbed.close());

  test('answers as soon as it is open, on loopback', async () => {
    expect(new URL(backend().url).hostname).toBe('127.0.0.1');
    const answer = await PROBES[component](backend().url, 5_000);
    expect(backend().version).toBe(answer.version);
    expect(testbed.describe()).toContain(`${component} ${answer.version}`);
  });

  test('keeps what was acknowledged over a kill, at the same address', async () => {
    const { url } = backend();
    await store.write(url, 'kept');
    const before = backend().running;
    await backend().kill();
    expect(backend().running).toBeUndefined();
    await expect(PROBES[component](url, 1_000)).rejects.toThrow();
    await backend().start();
    expect(backend().url).toBe(url);
    expect(await store.read(url)).toBe('kept');
    if (testbed.provider === 'processes') expect(backend().running).not.toEqual(before);
  });

  test('keeps its data over a graceful stop', async () => {
    await backend().stop();
    expect(backend().running).toBeUndefined();
    await backend().start();
    expect(await store.read(backend().url)).toBe('kept');
  });

  test('is silent while frozen, and goes on when thawed', async () => {
    await backend().freeze();
    expect(backend().running).toBeDefined();
    await expect(PROBES[component](backend().url, 300)).rejects.toThrow();
    await backend().thaw();
    await eventually(() => PROBES[component](backend().url, 1_000));
    expect(await store.read(backend().url)).toBe('kept');
  });

  test('can be killed while frozen', async () => {
    await backend().freeze();
    await backend().kill();
    await backend().start();
    expect(await store.read(backend().url)).toBe('kept');
  });

  test('begins empty after a wipe', async () => {
    await backend().wipe();
    expect(backend().running).toBeUndefined();
    await backend().start();
    expect(await store.read(backend().url)).toBeUndefined();
  });

  test('tells when it dies, and not when it is stopped', async () => {
    let deaths = 0;
    backend().onExit(() => (deaths += 1));
    await backend().stop();
    await backend().start();
    expect(deaths).toBe(0);
    await backend().kill();
    await eventually(() => expect(deaths).toBe(1));
    await backend().start();
  });

  test('takes the same order twice', async () => {
    await backend().start();
    await Promise.all([backend().kill(), backend().kill()]);
    await backend().kill();
    await Promise.all([backend().start(), backend().start()]);
    await expect(PROBES[component](backend().url, 5_000)).resolves.toBeDefined();
  });

  test('refuses to freeze what is down', async () => {
    await backend().kill();
    await expect(backend().freeze()).rejects.toMatchObject({ code: 'BACKEND_DOWN' });
    await backend().start();
  });
});

test('postgres has pgvector, and commits to disk', async () => {
  await using testbed = await openTestbed({ components: ['postgres'] });
  const client = new pg.Client({ connectionString: testbed.postgres.url });
  await client.connect();
  const { rows } = await client.query(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')",
  );
  expect(rows).toEqual([
    { name: 'fsync', setting: 'on' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
  await client.query('CREATE EXTENSION vector');
  await client.end();
});

test('a frozen postgres is silent on open connections too', async () => {
  await using testbed = await openTestbed({ components: ['postgres'] });
  const client = new pg.Client({ connectionString: testbed.postgres.url });
  await client.connect();
  await testbed.postgres.freeze();
  let answered = false;
  const query = client.query('SELECT 1').then(() => (answered = true));
  await expect(PROBES.postgres(testbed.postgres.url, 300)).rejects.toThrow();
  expect(answered).toBe(false);
  await testbed.postgres.thaw();
  await query;
  await client.end();
});

test('two testbeds opened at once do not meet', async () => {
  const [one, other] = await Promise.all([openTestbed(), openTestbed()]);
  try {
    const urls = [one, other].flatMap((testbed) => COMPONENTS.map((component) => testbed.backend(component).url));
    expect(new Set(urls).size).toBe(6);
    await STORES.redis.write(one.redis.url, 'one');
    await other.redis.wipe();
    await other.redis.start();
    expect(await STORES.redis.read(one.redis.url)).toBe('one');
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
});

test('valkey stands in for redis', async () => {
  await using testbed = await openTestbed({ components: ['redis'], redisFlavour: 'valkey' });
  await STORES.redis.write(testbed.redis.url, 'kept');
  expect(await STORES.redis.read(testbed.redis.url)).toBe('kept');
  expect(testbed.describe()).toContain('valkey 8');
});

test('a data folder that is named is kept for the next start, and used by one testbed at a time', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'testbed-data-'));
  try {
    const components: Component[] = ['postgres'];
    const first = await openTestbed({ components, dataFolder });
    await STORES.postgres.write(first.postgres.url, 'kept');
    await expect(openTestbed({ components, dataFolder })).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' });
    await first.close();
    await using second = await openTestbed({ components, dataFolder });
    expect(await STORES.postgres.read(second.postgres.url)).toBe('kept');
  } finally {
    rmSync(dataFolder, { recursive: true });
  }
});

test('a component given by URL is used and never hurt', async () => {
  await using ours = await openTestbed({ components: ['redis'] });
  await using testbed = await openTestbed({ components: ['redis'], urls: { redis: ours.redis.url } });
  expect(testbed.provider).toBe('urls');
  expect(testbed.redis.url).toBe(ours.redis.url);
  for (const hurt of ['kill', 'wipe', 'freeze', 'thaw'] as const) {
    await expect(testbed.redis[hurt]()).rejects.toMatchObject({ code: 'BACKEND_NOT_OURS' });
  }
  await testbed.close();
  await expect(PROBES.redis(ours.redis.url, 5_000)).resolves.toBeDefined();
});

test('a port that is taken is named, when it was asked for', async () => {
  await using holder = await openTestbed({ components: ['nats'] });
  const port = Number(new URL(holder.nats.url).port);
  await expect(openTestbed({ components: ['redis'], ports: { redis: port } })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
  });
});

test('a component that was not opened is no silent undefined', async () => {
  await using testbed = await openTestbed({ components: ['nats'] });
  expect(() => testbed.redis).toThrow(expect.objectContaining({ code: 'COMPONENT_NOT_OPENED' }));
});

test('without root, engine, or binaries it says what to install', async () => {
  const { run, whyNot } = { run: openRun(), whyNot: 'this is no Debian or Ubuntu' };
  const context = { cacheFolders: ['/nowhere'] as [string], run, progress: () => undefined, signal: undefined, whyNot };
  await expect(ensureDebianRoot(context)).rejects.toMatchObject({ code: 'BACKENDS_UNAVAILABLE' });
  await run.close();
});
