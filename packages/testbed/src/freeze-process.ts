/** Freezes one process that is no backend: a service or a worker. */
import { TestbedError } from './errors.ts';
import { eventually } from './eventually.ts';
import { isStopped, signal } from './process-table.ts';

const FREEZE_DEADLINE_MS = 5_000;

/** SIGSTOP; resolves when none of its threads runs any more. @throws TestbedError BACKEND_DOWN */
export async function freezeProcess(pid: number): Promise<void> {
  mustBeThere(pid, signal(pid, 'SIGSTOP'));
  const stopped = () => {
    if (!isStopped(pid)) throw new Error(`process ${pid} does not stop`);
  };
  await eventually(stopped, { deadlineMs: FREEZE_DEADLINE_MS, everyMs: 1 });
}

/** SIGCONT. @throws TestbedError BACKEND_DOWN */
export function thawProcess(pid: number): void {
  mustBeThere(pid, signal(pid, 'SIGCONT'));
}

function mustBeThere(pid: number, isThere: boolean): void {
  if (!isThere) throw new TestbedError('BACKEND_DOWN', `there is no process ${pid}`);
}
