import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openTestDatabase } from '@morningai/testbed/database';
import { eventually } from '@morningai/testbed/eventually';
import { openProxy } from '@morningai/testbed/proxy';
import { expect, inject, test } from 'vitest';
import { API_KEY } from './start-orchestrator.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

test('while Postgres cannot be reached it says where and why, keeps trying, and is not ready; then it is', async () => {
  await using database = await openTestDatabase({ adminUrl: inject('postgresUrl') });
  await using proxy = await openProxy({ target: database.url });
  proxy.refuse();
  const url = new URL(proxy.through(database.url));
  url.password = 'do-not-show';
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      ORCHESTRATOR_PORT: '0',
      DATABASE_URL: url.href,
      REDIS_URL: inject('redisUrl'),
      NATS_URL: inject('natsUrl'),
      FEED_STREAM: 'TEST_UNREACHABLE',
      MORNINGAI_API_KEY: API_KEY,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const lines = (message: string) => said.split('\n').filter((line) => line.includes(`"${message}"`));

  await eventually(async () => expect(lines('postgres does not answer').length).toBeGreaterThan(1), {
    deadlineMs: 20_000,
  });
  expect(lines('postgres does not answer')[0]).toContain(`127.0.0.1:${proxy.port}`);
  expect(lines('postgres does not answer')[0]).toContain('"why":"');
  expect(said).not.toContain('do-not-show');
  expect(lines('orchestrator ready')).toEqual([]);

  proxy.pass();
  await eventually(async () => expect(lines('orchestrator ready')).toHaveLength(1), { deadlineMs: 20_000 });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a bad configuration ends it with a line for each problem', async () => {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...env,
      ORCHESTRATOR_PORT: 'many',
      REDIS_URL: 'http://x',
      NATS_URL: 'nats://127.0.0.1',
      MORNINGAI_API_KEY: 'short',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(2);
  for (const name of ['DATABASE_URL', 'ORCHESTRATOR_PORT', 'REDIS_URL', 'MORNINGAI_API_KEY'])
    expect(said).toContain(name);
  expect(said).not.toContain('short');
});
