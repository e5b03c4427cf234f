/** The command line as a user runs it: a process of its own, in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@morningai/testbed/eventually';
import { readStackFile, type StackFile } from '../src/stack/stack-file.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return runNode([MAIN, ...args], env);
}

/** A script, to its end. */
export async function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawnNode(args, env);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

function spawnNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export type StartedStack = AsyncDisposable & {
  readonly folder: string;
  readonly cli: ChildProcess;
  stackFile(): Promise<StackFile>;
  pids(): Promise<readonly number[]>;
};

/** `morningai start` with free ports. */
export async function startStack(): Promise<StartedStack> {
  const folder = await mkdtemp(join(tmpdir(), 'morningai-test-'));
  const cli = spawnNode([
    MAIN,
    '--folder',
    folder,
    'start',
    '--ingest-port',
    '0',
    '--health-port',
    '0',
    '--orchestrator-port',
    '0',
  ]);
  let said = '';
  cli.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  cli.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const stackFile = async () => {
    const stack = await readStackFile(folder);
    if (stack === null) throw new Error(`no stack.json: ${said}`);
    return stack;
  };
  const started: StartedStack = {
    folder,
    cli,
    stackFile,
    pids: async () =>
      Object.values((await stackFile()).processes).flatMap((entry) => ('pid' in entry ? [entry.pid] : [])),
    async [Symbol.asyncDispose]() {
      if (cli.exitCode === null && cli.signalCode === null) {
        cli.kill('SIGINT');
        await once(cli, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
  await eventually(
    async () => {
      if (cli.exitCode !== null) throw new Error(said);
      if (!said.includes('MorningAI runs.')) throw new Error(`not started: ${said}`);
    },
    { deadlineMs: 90_000 },
  );
  return started;
}

/** True while the process is there, and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
