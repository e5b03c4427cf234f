import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { identityOf, processesIn } from '../src/process-table.ts';
import type { RunRecord } from '../src/run-record.ts';
import { openTestbed } from '../src/testbed.ts';

type Running = { pid: number } | { containerId: string };

const PROGRAM = fileURLToPath(new URL('./hold-open.ts', import.meta.url));
/** The programs' temporary folder, so that nobody else's runs are in it. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'testbed-test-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('nothing is left when the owner gets %s', async (signal) => {
  const { owner, running } = await holdOpen();
  owner.kill(signal);
  await eventually(() => expectNothingLeft(running), { deadlineMs: 30_000 });
});

test('nothing is left when the watcher dies first and then the owner: the next start sweeps', async () => {
  const { owner, running } = await holdOpen();
  const runFolder = readdirSync(folder)[0] ?? '';
  const record = JSON.parse(readFileSync(join(folder, runFolder, 'run.json'), 'utf8')) as RunRecord;
  process.kill(record.watcher?.pid ?? 0, 'SIGKILL');
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  await eventually(() => expect(identityOf(record.watcher?.pid ?? 0)).toBeUndefined());
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    await using _testbed = await openTestbed({ components: ['nats'] });
    await isGone(running);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
  await eventually(() => expectNothingLeft(running));
});

async function holdOpen(): Promise<{ owner: ChildProcess; running: Running[] }> {
  const owner = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  return { owner, running: JSON.parse(line) as Running[] };
}

async function expectNothingLeft(running: Running[]): Promise<void> {
  expect(readdirSync(folder)).toEqual([]);
  expect(processesIn(folder)).toEqual([]);
  await isGone(running);
}

async function isGone(running: Running[]): Promise<void> {
  for (const one of running) {
    if ('pid' in one) expect(identityOf(one.pid)).toBeUndefined();
    else expect(await containerExists(one.containerId)).toBe(false);
  }
}

async function containerExists(id: string): Promise<boolean> {
  const { findEngine } = await import('../src/containers/engine.ts');
  const engine = await findEngine();
  const found = await engine?.container.dockerode.listContainers({ all: true, filters: { id: [id] } });
  return found?.length !== 0;
}
