import type { Task } from '@morningai/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startStack, type StartedStack } from './start-cli.ts';

let stack: StartedStack;

beforeAll(async () => {
  stack = await startStack();
}, 120_000);
afterAll(() => stack[Symbol.asyncDispose]());

const run = (...args: readonly string[]) => runCli(['--folder', stack.folder, ...args]);
const json = async <T>(...args: readonly string[]) => JSON.parse((await run(...args, '--json')).stdout) as T;

const LATER = new Date(Date.now() + 3_600_000).toISOString();
const submit = async (input: object, ...options: readonly string[]) =>
  json<Task>('submit', 'echo', JSON.stringify(input), ...options);

test('one task and many are cancelled; a filter needs a second word', { timeout: 60_000 }, async () => {
  const label = (name: string) => ['--due-at', LATER, '--label', `batch=${name}`];
  const [one, two, other] = [
    await submit({}, ...label('a')),
    await submit({}, ...label('a')),
    await submit({}, ...label('b')),
  ];
  const cancelled = await json<Task>('cancel', one.id, '--reason', 'not needed');
  expect(cancelled).toMatchObject({ status: 'cancelled', error: { message: 'not needed' } });
  expect(await run('cancel', one.id)).toMatchObject({ code: 0 });

  // Whoever says --dry-run trusts that nothing is changed.
  expect(await run('cancel', two.id, '--dry-run')).toMatchObject({ code: 2, stdout: '' });
  expect((await json<Task>('task', two.id)).status).toBe('scheduled');

  const filter = ['cancel', '--agent', 'echo', '--label', 'batch:a'];
  const unsure = await run(...filter);
  expect(unsure).toMatchObject({ code: 2, stdout: `1 would be cancelled\n${two.id}\n` });
  expect(unsure.stderr).toContain('say --yes');
  expect(await run(...filter, '--dry-run')).toMatchObject({ code: 0 });
  expect((await json<Task>('task', two.id)).status).toBe('scheduled');
  expect(await run(...filter, '--yes')).toMatchObject({ code: 0, stdout: '1 of 1 cancelled\n' });
  expect(await json<Task>('task', two.id)).toMatchObject({ status: 'cancelled' });
  expect(await json<Task>('task', other.id)).toMatchObject({ status: 'scheduled' });
  const nothing = await run(...filter, '--yes');
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('NOTHING_MATCHED')]);
});

test('what failed is listed with its cause, and retried, one or many', { timeout: 60_000 }, async () => {
  const broken = ['--max-attempts', '1', '--label', 'batch=broken', '--wait'];
  const [one, two] = [await submit({ failTimes: 1 }, ...broken), await submit({ failTimes: 1 }, ...broken)];
  const list = await run('failed', '--label', 'batch:broken');
  expect(list.code).toBe(0);
  for (const { id } of [one, two]) expect(list.stdout).toMatch(new RegExp(`${id} .* 1 of 1 .* ECHO_FAILS`));
  const { tasks } = await json<{ tasks: Task[] }>('failed', '--agent', 'echo');
  expect(tasks.map(({ error }) => error?.code)).toEqual(['ECHO_FAILS', 'ECHO_FAILS']);

  const filter = ['retry', '--failed', '--agent', 'echo', '--error-code', 'ECHO_FAILS'];
  expect(await json(...filter, '--dry-run')).toMatchObject({ matched: 2, retried: 0, dryRun: true });
  expect(await json<Task>('retry', one.id)).toMatchObject({ id: one.id, life: 2 });
  expect(await run(...filter)).toMatchObject({ code: 0, stdout: '1 of 1 retried\n' });
  for (const { id } of [one, two]) {
    expect(await run('watch', id)).toMatchObject({ code: 0 });
    expect(await json<Task>('task', id)).toMatchObject({ status: 'completed', attempt: 2 });
  }
  const refused = await run('retry', one.id);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('TASK_NOT_FAILED')]);
});

test.each([
  [['cancel']],
  [['cancel', 'x', '--all']],
  [['cancel', '--status', 'completed', '--yes']],
  [['cancel', 'x', '--dry-run']],
  [['cancel', '--all', '--grace', '']],
  [['cancel', '--all', '--grace', 'soon']],
  [['retry']],
  [['retry', '--failed']],
  [['retry', '--all']],
  [['retry', 'x', '--dry-run']],
  [['retry', 'x', '--failed']],
])('%j is a usage error', async (args) => {
  const { code, stderr } = await run(...args);
  expect([code, stderr]).toEqual([2, expect.not.stringMatching(/NOTHING_MATCHED|TASK_NOT/)]);
});
