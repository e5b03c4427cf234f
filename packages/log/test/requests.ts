/** What tests ask of the task writer. */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { AppError } from '@morningai/core/errors';
import type { Command, Json, Submission } from '@morningai/core/task';
import type { TaskWriter, WriteRequest, Written } from '../src/task-writer.ts';

export const TENANT = 'acme';
/** Longer than any fault a test makes. */
const DEADLINE_MS = 30_000;

export type Ask = Partial<Omit<WriteRequest, 'command'>>;

export function request(taskId: string, command: Command, ask: Ask = {}): WriteRequest {
  const urgency = command.type === 'Submit' ? 'submit' : command.type === 'Start' ? 'claim' : 'outcome';
  const deadlineAt = performance.now() + DEADLINE_MS;
  return { taskId, tenant: TENANT, limits: [], bytes: 300, urgency, deadlineAt, command, ...ask };
}

export function submission(fields: Partial<Submission> = {}): Command & { type: 'Submit' } {
  return {
    type: 'Submit',
    agent: 'echo',
    input: {},
    priority: 2,
    maxAttempts: 3,
    maxCrashes: 3,
    dueInMs: 0,
    expiresInMs: null,
    concurrencyKey: null,
    labels: {},
    idempotencyKey: null,
    requestDigest: 'digest',
    ...fields,
  };
}

export function submit(fields: Partial<Submission> = {}, ask: Ask = {}): WriteRequest {
  return request(ask.taskId ?? newId(), submission(fields), ask);
}

export function start(taskId: string, fields: Partial<Command & { type: 'Start' }> = {}): WriteRequest {
  const claim = { claimId: randomUUID(), worker: 'worker', agentVersion: '1', leaseMs: 60_000 };
  return request(taskId, { type: 'Start', ...claim, ...fields });
}

export function complete(taskId: string, fence: number, output: Json = null): WriteRequest {
  return request(taskId, { type: 'Complete', fence, output });
}

export function release(taskId: string, fence: number): WriteRequest {
  return request(taskId, { type: 'Release', fence });
}

export function fail(taskId: string, fence: number, retryInMs: number | null = 0): WriteRequest {
  return request(taskId, { type: 'Fail', fence, error: { code: 'OOPS', message: 'it failed' }, retryInMs });
}

export function expire(
  taskId: string,
  fence: number,
  fields: Partial<Command & { type: 'Expire' }> = {},
): WriteRequest {
  return request(taskId, { type: 'Expire', fence, retryInMs: 0, begun: true, ...fields });
}

export function cancel(taskId: string, fields: Partial<Command & { type: 'Cancel' }> = {}): WriteRequest {
  return request(taskId, { type: 'Cancel', reason: 'not needed', graceMs: 60_000, ...fields });
}

export function cutCancelled(taskId: string, fence: number): WriteRequest {
  return request(taskId, { type: 'CutCancelled', fence });
}

export function retry(taskId: string, life: number | null = null, ask: Ask = {}): WriteRequest {
  return request(taskId, { type: 'Retry', life, dueInMs: 0 }, ask);
}

export function expireTask(taskId: string): WriteRequest {
  return request(taskId, { type: 'ExpireTask' });
}

export function step(taskId: string, fence: number, index: number, output: Json = index): WriteRequest {
  return request(taskId, { type: 'CompleteStep', fence, index, step: `step ${index}`, output });
}

/** A task that runs, and the fence that holds it. */
export async function startNew(
  writer: TaskWriter,
  fields: Partial<Command & { type: 'Start' }> = {},
): Promise<{ taskId: string; fence: number }> {
  const { taskId } = await writer.write(submit());
  const { state } = await writer.write(start(taskId, fields));
  if (state.status !== 'running') throw new Error(`the task is ${state.status}`);
  return { taskId, fence: state.fence };
}

/** From accepted to completed. */
export async function runOne(writer: TaskWriter, output: Json = null): Promise<Written> {
  const { taskId, fence } = await startNew(writer);
  return writer.write(complete(taskId, fence, output));
}

/** The code with which it is rejected. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing thrown',
    (error: unknown) => (error instanceof AppError ? error.code : `not an AppError: ${(error as Error).message}`),
  );
}

/** A UUIDv7-like id: in order of time, as ours are. */
export function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
