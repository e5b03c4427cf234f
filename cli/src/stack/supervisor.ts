/**
 * Keeps one service running as a process of its own. When it dies it is started again: the first times at once, then with backoff.
 * The process watches its IPC channel, so that it ends by itself when this one is killed.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import process from 'node:process';
import { backoffMs } from '@morningai/core/backoff';
import { AppError } from '@morningai/core/errors';
import type { ServiceSpec } from './services.ts';

export type Supervised = {
  readonly name: ServiceSpec['name'];
  /** Null while it is down. */
  readonly pid: number | null;
  /** Resolves when it first says that it is ready. */
  readonly ready: Promise<void>;
  /** Starts it at once if it is down; resolves when it is ready. @throws AppError BACKEND_START_FAILED */
  start(): Promise<void>;
  /** SIGKILL; resolves when it is gone. It is started again as after any death. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

export type SupervisorOptions = {
  readonly logFile: string;
  /** Its pid has changed. */
  readonly onChange: () => void;
};

/** So often it is back within half a second. */
const QUICK_RESTARTS = 5;
const QUICK_MS = 100;
const BACKOFF = { baseMs: 1_000, capMs: 30_000 };
/** After this long without a death the count begins anew. */
const STEADY_MS = 60_000;
const STOP_MS = 20_000;
const START_MS = 60_000;

export async function supervise(spec: ServiceSpec, options: SupervisorOptions): Promise<Supervised> {
  const log = await open(options.logFile, 'a');
  const ready = Promise.withResolvers<void>();
  let child: ChildProcess | null = null;
  let isReady = false;
  let onReady: (() => void)[] = [];
  let stopped = false;
  let deaths = 0;
  let startedAt = 0;
  let retry: NodeJS.Timeout | undefined;

  const launch = () => {
    startedAt = performance.now();
    isReady = false;
    const current = fork(spec.main, [], {
      env: { ...process.env, ...spec.env },
      execArgv: [...process.execArgv, ...spec.nodeOptions],
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    child = current;
    current.on('message', () => {
      ready.resolve();
      isReady = true;
      for (const tell of onReady) tell();
      onReady = [];
    });
    current.on('error', () => undefined);
    current.on('exit', () => {
      child = null;
      if (stopped) return;
      deaths = performance.now() - startedAt > STEADY_MS ? 1 : deaths + 1;
      const extra = deaths - QUICK_RESTARTS;
      retry = setTimeout(launch, extra <= 0 ? QUICK_MS : QUICK_MS + backoffMs(extra, BACKOFF, Math.random()));
      options.onChange();
    });
    options.onChange();
  };

  launch();
  return {
    name: spec.name,
    get pid() {
      return child?.pid ?? null;
    },
    ready: ready.promise,
    async start() {
      if (child === null) {
        clearTimeout(retry);
        launch();
      }
      if (isReady) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const late = () =>
        reject(new AppError('BACKEND_START_FAILED', `${spec.name} is not ready: see ${options.logFile}`));
      const timer = setTimeout(late, START_MS);
      onReady.push(resolve);
      await promise.finally(() => clearTimeout(timer));
    },
    async kill() {
      const dying = child;
      if (dying === null) return;
      const gone = once(dying, 'exit');
      dying.kill('SIGKILL');
      await gone;
    },
    async stop() {
      stopped = true;
      clearTimeout(retry);
      if (child !== null) await end(child);
      await log.close();
    },
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    // A stopped (SIGSTOP) process hears nothing until it goes on.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
  });
}
