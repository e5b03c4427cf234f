import { AppError } from '@morningai/core/errors';
import type { Task, TaskSpec } from '@morningai/rpc/tasks';
import type { Orchestrator } from '../rpc/orchestrator.ts';

export type AcceptedTask = { readonly task: Task; /** An earlier request made it. */ readonly isRepeat: boolean };

/** @throws AppError */
export async function acceptTask(
  orchestrator: Pick<Orchestrator, 'submit' | 'getTask'>,
  tenant: string,
  spec: TaskSpec,
  signal: AbortSignal,
): Promise<AcceptedTask> {
  const { task } = await orchestrator.submit(tenant, spec, signal);
  if (task === undefined) throw new AppError('INTERNAL', 'the orchestrator accepted without a task');
  // Not `repeatedSubmit`: our own try again after a lost reply is a repeat to the orchestrator, and none to the caller.
  const isRepeat = task.id !== spec.id;
  // The reply to a submit leaves inputs and outputs out: a new task's input is at hand, an earlier one is read.
  return isRepeat
    ? { task: await orchestrator.getTask(tenant, task.id, signal), isRepeat }
    : { task: { ...task, inputJson: spec.inputJson }, isRepeat };
}
