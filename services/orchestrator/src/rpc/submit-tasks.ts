import { hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { AppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import type { Command, Json } from '@morningai/core/task';
import { openTasksKey } from '@morningai/core/task-projection';
import { canonicalJson } from '@morningai/log/digest';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { Written } from '@morningai/log/task-writer';
import { toProblem } from '@morningai/rpc/errors';
import type { CallContext } from '@morningai/rpc/server';
import type { SubmitResult, SubmitTasksRequest, SubmitTasksResponse, Task, TaskSpec } from '@morningai/rpc/tasks';
import { parseInstant } from '../domain/instant.ts';
import { parseInput, toSubmit, type RequestedTask } from '../domain/submission.ts';
import type { Assignment } from '../store/assignments.ts';
import { findSubmission } from '../store/find-submission.ts';
import { getTaskViews } from '../store/task-views.ts';
import type { Parts } from './parts.ts';
import { submittedMessage, taskMessage } from './task-message.ts';

/** Beside the input. */
const SUBMIT_BYTES = 500;

type Submit = Command & { readonly type: 'Submit' };

/** Each task is accepted or refused by itself; the batch as a whole fails only for reasons of the call. */
export async function submitTasks(
  parts: Parts,
  request: SubmitTasksRequest,
  context: CallContext,
): Promise<SubmitTasksResponse> {
  if (request.tenant === '') throw new AppError('REQUEST_INVALID', 'tenant is missing');
  if (request.tasks.length > LIMITS.tasksPerSubmit) {
    throw new AppError('REQUEST_INVALID', `over ${LIMITS.tasksPerSubmit} tasks in one call`);
  }
  const results = request.tasks.map((spec) =>
    submitOne(parts, request.tenant, spec, context).catch((error: unknown): SubmitResult => ({
      result: { $case: 'refused', value: toProblem(error) },
    })),
  );
  return { results: await Promise.all(results) };
}

async function submitOne(parts: Parts, tenant: string, spec: TaskSpec, context: CallContext): Promise<SubmitResult> {
  const { assignments } = parts;
  const requested = requestedTask(spec);
  const input = parseInput(requested);
  const digest = requestDigest(requested, input);
  const command = await decideSubmit(parts, requested, input, digest).catch(async (error: unknown) => {
    // What was accepted once stays accepted, also when its time is over or the agent's schema has changed since.
    const earlier = await findSubmission(parts.pool, tenant, requested, digest);
    if (earlier === null) throw error;
    return earlier;
  });
  if ('taskId' in command) return repeated(parts, tenant, command.taskId);
  const assignment = { taskId: requested.id, tenant, inputJson: requested.inputJson, labels: requested.labels };
  const written = await writeAndBegin(parts, assignment, command, context);
  if (written.events.length > 0 && written.recordedAt !== null) {
    // Only what was accepted: a refused submit must not put its input in place of another's. A claim takes longer to be written.
    if (written.state.status === 'queued') assignments.put(assignment);
    return accepted(submittedMessage(requested.id, tenant, command, written.recordedAt), false);
  }
  return repeated(parts, tenant, written.duplicateOf ?? requested.id);
}

/** Where a slot is free and nobody waits for it, the task is claimed in the commit that accepts it. */
async function writeAndBegin(parts: Parts, assignment: Assignment, command: Submit, context: CallContext) {
  const { taskId, tenant, inputJson } = assignment;
  const claim = command.dueInMs === 0 ? parts.dispatcher.claimAlong(command.agent, tenant) : null;
  let written: Written | null = null;
  try {
    written = await parts.writer.write({
      taskId,
      tenant,
      command,
      limits: [{ key: openTasksKey(tenant), max: parts.maxOpenTasks }],
      urgency: 'submit',
      bytes: SUBMIT_BYTES + inputJson.length,
      deadlineAt: performance.now() + (context.deadline.getTime() - Date.now()),
      thenStart: claim?.thenStart ?? null,
    });
    return written;
  } finally {
    claim?.settle(written, assignment);
  }
}

async function decideSubmit(parts: Parts, requested: RequestedTask, input: Json, digest: string) {
  const agent = await parts.catalog.accepting(requested.agent, input);
  return toSubmit(requested, input, agent, digest, parts.clock.nowMs());
}

async function repeated(parts: Parts, tenant: string, taskId: string): Promise<SubmitResult> {
  const [view] = await getTaskViews(parts.pool, tenant, [taskId]).catch(storeUnavailable);
  if (view === undefined) throw new AppError('IDEMPOTENCY_MISMATCH', 'this task id is taken');
  return accepted({ ...taskMessage(view), inputJson: '', outputJson: '' }, true);
}

function accepted(task: Task, repeatedSubmit: boolean): SubmitResult {
  return { result: { $case: 'accepted', value: { task, repeatedSubmit } } };
}

function requestedTask(spec: TaskSpec): RequestedTask {
  return {
    ...spec,
    dueAt: spec.dueAt === undefined ? null : parseInstant('dueAt', spec.dueAt),
    expiresAt: spec.expiresAt === undefined ? null : parseInstant('expiresAt', spec.expiresAt),
    idempotencyKey: spec.idempotencyKey === '' ? null : spec.idempotencyKey,
  };
}

/** Of what the caller asked for, not of what it came to: the same request made again must be known again. */
function requestDigest(requested: RequestedTask, input: unknown): string {
  const { agent, priority, dueAt, expiresAt, maxAttempts, concurrencyKey, labels } = requested;
  const request = {
    agent,
    concurrencyKey,
    dueAt: dueAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    input,
    labels,
    maxAttempts,
    priority,
  };
  return hash('sha256', canonicalJson(request), 'hex');
}
