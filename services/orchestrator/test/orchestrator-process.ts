/** An orchestrator in a process of its own, that can be killed and frozen. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reservePort } from '@morningai/testbed/ports';
import { eventually } from '@morningai/testbed/eventually';
import { expect } from 'vitest';
import type { Bench } from './start-orchestrator.ts';

export type OrchestratorProcess = AsyncDisposable & {
  readonly address: string;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
};

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

/** On the log of the bench. */
export async function startOrchestratorProcess(bench: Bench): Promise<OrchestratorProcess> {
  const { port, release } = await reservePort();
  release();
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...bench.env, ORCHESTRATOR_PORT: String(port), LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit');
  await eventually(() => expect(said).toContain('"orchestrator ready"'), { deadlineMs: 30_000 });
  return {
    address: `127.0.0.1:${port}`,
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
