import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyDatabase } from '../src/commands/verify.ts';
import { readStackFile } from '../src/stack/stack-file.ts';
import { isAlive, runCli, runNode, startStack, type StartedStack } from './start-cli.ts';

const NAMES = ['agents', 'health', 'ingest', 'memory', 'nats', 'orchestrator', 'postgres', 'redis'];

const ask = (stack: StartedStack, question: string) =>
  runCli(['--folder', stack.folder, 'submit', 'faq', JSON.stringify({ question }), '--wait', '--json']);

const answers = async (url: string, apiKey: string): Promise<number> =>
  (await fetch(url, { headers: { authorization: `Bearer ${apiKey}` } })).status;

/** In the order of a stack's life: each test goes on with the two of the one before. */
describe('start', () => {
  const stacks = new AsyncDisposableStack();
  let one: StartedStack;
  let other: StartedStack;
  beforeAll(async () => {
    one = stacks.use(await startStack());
    other = stacks.use(await startStack());
  }, 180_000);
  afterAll(() => stacks.disposeAsync());

  test('two stacks run side by side and do not meet', { timeout: 180_000 }, async () => {
    const [first, second] = await Promise.all([one.stackFile(), other.stackFile()]);
    expect(Object.keys(first.processes).toSorted()).toEqual(NAMES);
    expect((await stat(join(one.folder, 'stack.json'))).mode & 0o777).toBe(0o600);
    for (const name of ['ingestUrl', 'healthUrl', 'apiKey', 'databaseUrl', 'redisUrl', 'natsUrl'] as const) {
      expect(first[name]).not.toBe(second[name]);
    }
    const asked = await Promise.all([ask(one, 'Test retry success'), ask(other, 'What is Phase 10?')]);
    for (const ran of asked) expect(ran).toMatchObject({ code: 0 });
    for (const { databaseUrl } of [first, second]) {
      expect(await verifyDatabase(databaseUrl)).toMatchObject({ problems: [], ledger: { accepted: 1, completed: 1 } });
    }
    expect(await answers(`${first.ingestUrl}/v1/tasks`, second.apiKey)).toBe(401);

    // The README's own example, on the first of them.
    const { ingestUrl, orchestratorAddress, apiKey } = first;
    const env = { INGEST_URL: ingestUrl, ORCHESTRATOR_ADDRESS: orchestratorAddress, MORNINGAI_API_KEY: apiKey };
    const hello = await runNode([new URL('../../examples/hello.ts', import.meta.url).pathname], env);
    expect(hello).toMatchObject({ code: 0 });
    expect(hello.stdout).toContain("completed { text: 'Hello you' }");
  });

  test(
    'a service that is killed comes back by itself; a backend stays down, and work goes on',
    { timeout: 180_000 },
    async () => {
      const stack = one;
      const before = await stack.stackFile();
      const pidOf = async (name: string) =>
        ((await stack.stackFile()).processes[name] as { pid: number } | undefined)?.pid;
      for (const name of ['orchestrator', 'ingest', 'agents', 'memory', 'health']) {
        const pid = await pidOf(name);
        process.kill(pid ?? 0, 'SIGKILL');
        await eventually(async () => expect([undefined, pid]).not.toContain(await pidOf(name)), { deadlineMs: 10_000 });
      }
      await eventually(async () => expect(await answers(`${before.ingestUrl}/health/ready`, '')).toBe(200), {
        deadlineMs: 30_000,
      });
      expect(await ask(stack, 'What is the worker heartbeat mechanism?')).toMatchObject({ code: 0 });

      const redis = await pidOf('redis');
      if (redis !== undefined) {
        process.kill(redis, 'SIGKILL');
        await eventually(async () => expect(await pidOf('redis')).toBeUndefined(), { deadlineMs: 10_000 });
        await eventually(async () => expect(await answers(`${before.healthUrl}/health/redis`, '')).toBe(503), {
          deadlineMs: 10_000,
        });
        await eventually(async () => expect(await answers(`${before.healthUrl}/health/ready`, '')).toBe(200), {
          deadlineMs: 10_000,
        });
        expect(await ask(stack, 'How do I deploy to production?')).toMatchObject({ code: 0 });
        expect(await runCli(['--folder', stack.folder, 'stack', 'start', 'redis'])).toMatchObject({ code: 0 });
      }
      const verified = await runCli(['--folder', stack.folder, 'verify']);
      expect(verified).toMatchObject({ code: 0 });
      expect(verified.stdout).toContain('accepted');
    },
  );

  test('Ctrl-C ends it in order, a kill -9 too leaves nothing behind', { timeout: 180_000 }, async () => {
    const [interrupted, killed] = [one, other];
    const pids = [...(await interrupted.pids()), ...(await killed.pids())];
    expect(pids.every(isAlive)).toBe(true);

    interrupted.cli.kill('SIGINT');
    expect(await once(interrupted.cli, 'exit')).toEqual([0, null]);
    expect(await readStackFile(interrupted.folder)).toBeNull();
    killed.cli.kill('SIGKILL');
    await eventually(async () => expect(pids.filter(isAlive)).toEqual([]), { deadlineMs: 30_000 });
  });
});

test('the command line says what is wrong, with the exit code for it', async () => {
  expect(await runCli(['--help'])).toMatchObject({ code: 0 });
  expect(await runCli(['dance'])).toMatchObject({ code: 2 });
  const lost = await runCli(['--folder', '/nonexistent', 'tasks']);
  expect(lost).toMatchObject({ code: 2 });
  expect(lost.stderr).toContain('CONFIG_INVALID: no stack runs in /nonexistent');
  const nowhere = {
    INGEST_URL: 'http://127.0.0.1:9',
    MORNINGAI_API_KEY: 'nobody-is-there',
    DATABASE_URL: 'postgres://127.0.0.1:9/x',
  };
  const blind = await runCli(['verify'], nowhere);
  expect([blind.code, blind.stderr]).toEqual([
    3,
    expect.stringMatching(/^STORE_UNAVAILABLE: postgres does not answer: .*\n$/),
  ]);
  for (const anchor of ['', '7', '7:abc', `x:${'0'.repeat(64)}`]) {
    expect(await runCli(['verify', '--anchor', anchor], nowhere)).toMatchObject({ code: 2 });
  }
});
