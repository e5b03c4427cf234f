/** What a wrong command line does: nothing. And what Ctrl-C does: it heals. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTemporaryStack, type TemporaryStack } from '@morningai/cli/stack/temporary-stack';
import { verifyDatabase } from '@morningai/cli/commands/verify';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createProgram } from '../src/program.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const DOWN_MS = 60_000;

/** @returns the exit code, and what was said */
async function drill(...args: readonly string[]): Promise<{ code: number; said: string }> {
  let said = '';
  const hear = (text: unknown) => {
    said += `${String(text)}\n`;
    return true;
  };
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(hear),
    vi.spyOn(console, 'error').mockImplementation(hear),
    vi.spyOn(process.stderr, 'write').mockImplementation(hear),
  ];
  try {
    return { code: await createProgram().run(['node', 'drill', ...args]), said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

test.each([
  [['no-such-drill'], 'there is no drill no-such-drill'],
  [['flushall', 'no-such-drill'], 'there is no drill no-such-drill'],
  [[], 'say which drill'],
  [['flushall', '--seed', 'seven'], 'must be a whole number from 0'],
  [['flushall', '--tasks', '0'], 'must be a whole number above 0'],
  [['flushall', '--redis', 'memcached'], 'must be redis or valkey'],
  [['flushall', '--redis', 'valkey', '--stack', '.morningai'], 'has its Redis already'],
  [['random', '--seed', '-1'], 'must be a whole number from 0'],
  [['random', '--seed', '4294967296'], 'must be a whole number from 0'],
  [['random', '--seed', '1.5'], 'must be a whole number from 0'],
  [['random', '--for', 'long'], 'must be a time'],
  [['random', '--schedules', 'many'], 'must be a whole number above 0'],
  [['random', '--nemesis', 'flushall,gremlin'], 'there is no nemesis "gremlin"'],
])('%j is refused before anything is started', async (args, why) => {
  const { code, said } = await drill(...args);
  expect(code).toBe(2);
  expect(said).toContain(why);
});

test('the list has the drills, the nemeses, the invariants, and those that cannot be held yet', async () => {
  const { code, said } = await drill('--list', '--json');
  expect(code).toBe(0);
  const list = JSON.parse(said) as Record<string, readonly object[]>;
  expect(list['drills']).toContainEqual(expect.objectContaining({ name: 'flushall', row: 'R3' }));
  expect(list['nemeses']).toContainEqual(expect.objectContaining({ name: 'zombie', row: 'W2' }));
  expect(list['invariants']).toContainEqual(expect.objectContaining({ number: 4, name: 'one-outcome' }));
  expect(list['notYet']).toContainEqual(expect.objectContaining({ number: 16 }));
});

describe('a stack that was not started for drills', () => {
  let stack: TemporaryStack;
  let out: string;

  beforeAll(async () => {
    const { signal } = new AbortController();
    stack = await openTemporaryStack({
      name: 'program',
      progress: () => undefined,
      signal,
      redisPersistence: 'appendonly',
    });
    out = await mkdtemp(join(tmpdir(), 'morningai-drill-out-'));
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await rm(out, { recursive: true, force: true });
  });
  const ledger = async () => (await verifyDatabase(stack.describe().databaseUrl)).ledger;

  test('is not touched without --i-know', async () => {
    for (const args of [['flushall'], ['random', '--schedules', '1', '--out', out]]) {
      const { code, said } = await drill(...args, '--stack', stack.folder);
      expect(code).toBe(2);
      expect(said).toContain('--i-know');
    }
    expect(await ledger()).toMatchObject({ accepted: 0 });
    const none = await drill('flushall', '--stack', out, '--i-know');
    expect(none).toMatchObject({ code: 2, said: expect.stringContaining('no stack runs in') as string });
  });

  test("is spared, even so, what only a drill's own stack may suffer", async () => {
    const edited = await drill('row-edited', '--stack', stack.folder, '--i-know');
    expect(edited).toMatchObject({
      code: 2,
      said: expect.stringContaining('only on a stack of its own: row-edited') as string,
    });
    expect((await drill('random', '--nemesis', 'redis-password', '--stack', stack.folder, '--i-know')).code).toBe(2);
    expect(await ledger()).toMatchObject({ accepted: 0 });
  });

  test('is hurt with it, and well again when Ctrl-C comes in mid-drill', async () => {
    const args = ['redis-killed', '--tasks', '40', '--pause', String(DOWN_MS), '--stack', stack.folder, '--i-know'];
    const child = fork(MAIN, args, { stdio: 'ignore' });
    const ended = once(child, 'exit');
    const redis = stack.component('redis');
    const is = (state: string) => () => expect(redis.state).toBe(state);
    await eventually(is('down'), { deadlineMs: 60_000 });
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(redis.state).toBe('running');
  });
});
