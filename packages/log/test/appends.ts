/** Appends as the task writer makes them, for tests that speak to the append itself. */
import type { Command } from '@morningai/core/task';
import type { Append } from '../src/append.ts';
import { decideTask, type KnownTask, type TaskCommand } from '../src/task-batch.ts';
import { newId, submission, TENANT } from './requests.ts';

/** What these commands come to on the task as it is known. */
export function appendOf(
  taskId: string,
  known: KnownTask | undefined,
  commands: readonly (Command | (Partial<TaskCommand> & { command: Command }))[],
): { append: Append; known: KnownTask } {
  const asked = commands.map((command) => ({
    taskId,
    tenant: TENANT,
    limits: [],
    ...('type' in command ? { command } : command),
  }));
  const { append, version, state } = decideTask(known, asked);
  if (append === null) throw new Error('nothing to append');
  return { append, known: { tenant: append.tenant, version, state } };
}

export function submitted(fields: Parameters<typeof submission>[0] = {}, limit?: { key: string; max: number }): Append {
  const limits = limit === undefined ? [] : [limit];
  return appendOf(newId(), undefined, [{ command: submission(fields), limits }]).append;
}

/** An event of a stream that is no task. */
export function noted(stream: string, expectedVersion: number, data: unknown = {}): Append {
  return {
    stream,
    tenant: TENANT,
    expectedVersion,
    life: 0,
    events: [{ type: 'Noted', data }],
    guards: [],
    task: null,
    submission: null,
    unlessLeased: null,
    onlyWhen: null,
  };
}
