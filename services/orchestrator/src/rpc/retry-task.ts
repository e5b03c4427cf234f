import { openTasksKey } from '@morningai/core/task-projection';
import type { CallContext } from '@morningai/rpc/server';
import type { RetryTaskRequest, Task } from '@morningai/rpc/tasks';
import { COMMAND_BYTES } from './cancel-task.ts';
import { deadlineOf } from './deadline.ts';
import type { Parts } from './parts.ts';
import { theTask } from './read-tasks.ts';
import { taskMessage } from './task-message.ts';

/** @throws AppError TASK_NOT_FOUND, TASK_NOT_FAILED, LIMIT_REACHED */
export async function retryTask(parts: Parts, request: RetryTaskRequest, context: CallContext): Promise<Task> {
  const { tenant, id, life } = request;
  const { state } = await theTask(parts, tenant, id);
  // Whatever the caller has said: the life that failed is named, so that a try again after a lost commit is known as a repeat.
  const failed = life === 0 && state.status === 'failed' ? state.life : life;
  await parts.writer.write({
    taskId: id,
    tenant,
    command: { type: 'Retry', life: failed === 0 ? null : failed, dueInMs: 0 },
    limits: [{ key: openTasksKey(tenant), max: parts.maxOpenTasks }],
    urgency: 'claim',
    bytes: COMMAND_BYTES,
    deadlineAt: deadlineOf(context),
  });
  return taskMessage(await theTask(parts, tenant, id));
}
