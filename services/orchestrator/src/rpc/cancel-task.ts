import { AppError } from '@morningai/core/errors';
import { storableText } from '@morningai/core/json';
import { DEFAULTS, LIMITS } from '@morningai/core/limits';
import type { Command } from '@morningai/core/task';
import type { Duration } from '@morningai/rpc/duration';
import type { CallContext } from '@morningai/rpc/server';
import type { CancelTaskRequest, Task } from '@morningai/rpc/tasks';
import { deadlineOf } from './deadline.ts';
import { milliseconds } from './duration.ts';
import type { Parts } from './parts.ts';
import { theTask } from './read-tasks.ts';
import { taskMessage } from './task-message.ts';

/** What a command about a whole task weighs in the mailbox, beside its reason. */
export const COMMAND_BYTES = 300;

/** @throws AppError TASK_NOT_FOUND, TASK_FINISHED, REQUEST_INVALID */
export async function cancelTask(parts: Parts, request: CancelTaskRequest, context: CallContext): Promise<Task> {
  const { tenant, id } = request;
  const command = cancelCommand(request.reason, request.grace);
  await theTask(parts, tenant, id);
  await parts.writer.write({
    taskId: id,
    tenant,
    command,
    limits: [],
    urgency: 'claim',
    bytes: COMMAND_BYTES + command.reason.length,
    deadlineAt: deadlineOf(context),
  });
  return taskMessage(await theTask(parts, tenant, id));
}

/** @throws AppError REQUEST_INVALID, TEXT_NOT_STORABLE */
export function cancelCommand(reason: string, grace: Duration | undefined): Command & { type: 'Cancel' } {
  if (storableText(reason).length > LIMITS.cancelReasonLength) {
    throw new AppError('REQUEST_INVALID', `reason: at most ${LIMITS.cancelReasonLength} characters`);
  }
  const isNegative = grace !== undefined && (grace.seconds < 0n || grace.nanos < 0);
  const graceMs = milliseconds(grace) ?? DEFAULTS.cancelGraceMs;
  if (isNegative || graceMs > LIMITS.cancelGraceMs) {
    throw new AppError('REQUEST_INVALID', `grace: 0 to ${LIMITS.cancelGraceMs} ms`);
  }
  return { type: 'Cancel', reason: reason === '' ? 'cancelled on request' : reason, graceMs };
}
