/** A worker process of a drill's own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { freezeProcess, thawProcess } from '@morningai/testbed/freeze-process';
import type { Stage } from './drill.ts';
import type { OutsideWorld } from './outside-world.ts';

export type DrillWorker = AsyncDisposable & {
  readonly pid: number;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  kill(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): void;
};

const MAIN = new URL('worker/main.ts', import.meta.url).pathname;
/** Memory runs out soon for who eats it. */
const HEAP_MB = 96;
const READY_MS = 30_000;
const SLOTS = 10;

/** Resolves when the orchestrator knows it. */
export async function startWorker(
  { stack }: Pick<Stage, 'stack'>,
  options: {
    readonly workerId: string;
    readonly world: OutsideWorld;
    readonly agents: readonly string[];
    /** Default 10. */
    readonly slots?: number;
    /** Of an orchestrator; default: the stack's. */
    readonly address?: string;
    /** What its clock is wrong by, ms; default 0. */
    readonly skewMs?: number;
  },
): Promise<DrillWorker> {
  const { orchestratorAddress, apiKey } = stack.urls;
  const { workerId, world, agents, slots = SLOTS, address = orchestratorAddress, skewMs = 0 } = options;
  const child = fork(
    MAIN,
    [JSON.stringify({ address, apiKey, worldUrl: world.url, workerId, agents, slots, skewMs })],
    {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      stdio: 'ignore',
    },
  );
  const ended = once(child, 'exit').then(() => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker did not start');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    const died = ended.then(() => {
      throw new Error('the worker ended while it started');
    });
    await Promise.race([once(child, 'message', { signal: AbortSignal.timeout(READY_MS) }), died]);
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid,
    ended,
    kill,
    freeze: () => freezeProcess(pid),
    thaw: () => thawProcess(pid),
    [Symbol.asyncDispose]: kill,
  };
}
