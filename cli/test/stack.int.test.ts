import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../src/stack/ask-control.ts';
import { openStack } from '../src/stack/open-stack.ts';
import { readStackFile } from '../src/stack/stack-file.ts';
import { runCli, startStack, type StartedStack } from './start-cli.ts';

describe('morningai stack', () => {
  let stack: StartedStack;
  const run = (...args: string[]) => runCli(['--folder', stack.folder, 'stack', ...args]);
  const state = async (name: string) => {
    const { components } = JSON.parse((await run('status', '--json')).stdout) as { components: Report[] };
    return components.find((component) => component.name === name);
  };
  const redisStatus = async () => (await fetch(`${(await stack.stackFile()).healthUrl}/health/redis`)).status;

  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test('a killed backend stays down until it is started, and stack.json follows', async () => {
    expect(await run('kill', 'redis')).toMatchObject({ code: 0, stdout: 'redis down\n' });
    expect((await stack.stackFile()).processes).not.toHaveProperty('redis');
    expect(await run('freeze', 'redis')).toMatchObject({ code: 2, stderr: 'COMPONENT_DOWN: redis does not run\n' });
    expect(await run('start', 'redis')).toMatchObject({ code: 0 });
    expect((await stack.stackFile()).processes).toHaveProperty('redis');
  });

  test('a frozen backend does not answer until it goes on', async () => {
    expect(await run('freeze', 'redis')).toMatchObject({ code: 0 });
    expect(await state('redis')).toMatchObject({ state: 'frozen' });
    await eventually(async () => expect(await redisStatus()).toBe(503));
    expect(await run('thaw', 'redis')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await redisStatus()).toBe(200));
  });

  test('a wiped backend that ran runs again, as another process', async () => {
    const before = await state('redis');
    expect(await run('wipe', 'redis')).toMatchObject({ code: 0 });
    const after = await state('redis');
    expect(after).toMatchObject({ state: 'running' });
    expect(after?.process).not.toEqual(before?.process);
  });

  test('a service is frozen and goes on, and is started again at once after its death', async () => {
    const before = await state('agents');
    expect(await run('freeze', 'agents')).toMatchObject({ code: 0 });
    expect(await state('agents')).toMatchObject({ state: 'frozen' });
    expect(await run('thaw', 'agents')).toMatchObject({ code: 0 });
    expect(await run('kill', 'agents')).toMatchObject({ code: 0 });
    const { stdout } = await run('start', 'agents', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running' });
    expect((JSON.parse(stdout) as Report).process).not.toEqual(before?.process);
  });

  test('workers and queue say who works, what waits, and when tickets are unknown', async () => {
    const json = async (command: string) => {
      const { code, stdout } = await runCli(['--folder', stack.folder, command, '--json']);
      expect(code).toBe(0);
      return JSON.parse(stdout) as unknown;
    };
    // The worker that was started anew may still be saying Hello.
    await eventually(async () =>
      expect(await json('workers')).toMatchObject({
        workers: [{ slots: 20, taken: 0, silent: false, draining: false, agents: [{ name: 'echo' }, { name: 'faq' }] }],
      }),
    );
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await runCli(['--folder', stack.folder, 'submit', 'echo', '{"delayMs":60000}']);
    await runCli(['--folder', stack.folder, 'submit', 'echo', '{}', '--due-at', later]);
    await eventually(async () =>
      expect(await json('queue')).toMatchObject({
        lane: 'queue',
        agents: [
          { agent: 'echo', due: 0, scheduled: 1, running: 1, oldestDueAt: null },
          { agent: 'faq', due: 0 },
        ],
      }),
    );
    expect(await json('workers')).toMatchObject({ workers: [{ taken: 1 }] });
    await run('kill', 'redis');
    await eventually(async () =>
      expect(await json('queue')).toMatchObject({ lane: 'log', epoch: null, tickets: null }),
    );
    const { stdout } = await runCli(['--folder', stack.folder, 'queue']);
    expect(stdout).toContain('lane log');
    expect(stdout).toContain('unknown');
    await run('start', 'redis');
  });

  test('what makes no sense is refused, with what to do', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await run(...args);
      return `${code} ${stderr}`;
    };
    expect(await refused('wipe', 'agents')).toMatch(/^2 COMPONENT_FAULT_REFUSED/);
    expect(await refused('wipe', 'postgres')).toMatch(/^2 COMPONENT_FAULT_REFUSED.*--yes/);
    expect(await refused('kill', 'cow')).toMatch(/^2 .*Allowed choices/);
    expect(await refused('dance', 'redis')).toMatch(/^2 /);
  });

  test('only its owner may give orders', async () => {
    const { control = '' } = await stack.stackFile();
    expect((await stat(control)).mode & 0o777).toBe(0o600);
  });

  test('a backend given by URL is not ours to hurt', { timeout: 120_000 }, async () => {
    const { databaseUrl, redisUrl, natsUrl } = await stack.stackFile();
    expect(await state('redis')).toMatchObject({ state: 'running' });
    await using other = await openStack({
      folder: `${stack.folder}/other`,
      publishFolder: `${stack.folder}/published`,
      ports: {},
      urls: { postgres: databaseUrl, redis: redisUrl, nats: natsUrl },
      apiKey: undefined,
      progress: () => undefined,
      signal: new AbortController().signal,
    });
    for (const action of ['kill', 'wipe', 'freeze', 'thaw'] as const) {
      await expect(other.component('redis')[action]()).rejects.toMatchObject({ code: 'BACKEND_NOT_OURS' });
    }
    expect(await state('redis')).toMatchObject({ state: 'running' });
  });
});

test('stack.json is there once the stack takes orders, and not before', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'morningai-test-'));
  const opened = openStack({
    folder,
    publishFolder: join(folder, 'published'),
    ports: {},
    urls: {},
    apiKey: undefined,
    progress: () => undefined,
    signal: new AbortController().signal,
  });
  const file = await eventually(
    async () => {
      const found = await readStackFile(folder);
      if (found === null) throw new Error('not yet');
      return found;
    },
    { deadlineMs: 90_000, everyMs: 1 },
  );
  const stack = await opened;
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
  expect(file.control).toBeDefined();
});
