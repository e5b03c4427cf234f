/** A worker in a process of its own, that can be killed, frozen, and told to do all that a task should not. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@morningai/testbed/eventually';
import { expect } from 'vitest';
import { API_KEY } from './start-orchestrator.ts';

/** What it tells of a task, in the order in which it happens. */
export type Told = { readonly what: string; readonly task: string; readonly attempt: number };

export type WorkerProcess = AsyncDisposable & {
  readonly workerId: string;
  readonly told: readonly Told[];
  /** Resolves when it has told this of the task. */
  hears(what: string, task: string): Promise<void>;
  /** Lets a task that waits for it go on. */
  release(task: string): void;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<unknown>;
};

export type WorkerProcessOptions = {
  readonly address: string;
  readonly workerId: string;
  readonly agent?: string;
  readonly slots?: number;
  readonly leaseMs?: number;
  readonly maxCrashes?: number;
  /** It stops in the middle of a step, where the input says. */
  readonly stops?: boolean;
};

export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const child = fork(new URL('fixture-worker.ts', import.meta.url).pathname, [JSON.stringify(options)], {
    env: { ...process.env, MORNINGAI_API_KEY: API_KEY },
    execArgv: ['--max-old-space-size=64', '--stack-trace-limit=0'],
    // What V8 says of a heap that is full is no news here.
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  });
  const told: Told[] = [];
  child.on('message', (message) => told.push(message as Told));
  const ended = once(child, 'exit');
  await eventually(() => expect(told.some(({ what }) => what === 'ready')).toBe(true));
  return {
    workerId: options.workerId,
    told,
    ended,
    hears: (what, task) => eventually(() => expect(told).toContainEqual(expect.objectContaining({ what, task }))),
    release: (task) => void child.send(task),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
