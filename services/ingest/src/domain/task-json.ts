/** A task as JSON: the one place that knows its fields. */
import type { Task } from '@morningai/rpc/tasks';
import { z } from 'zod';

export const TASK_STATUSES = ['scheduled', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'] as const;

const time = z.iso.datetime();

export const taskJsonSchema = z.strictObject({
  id: z.uuid(),
  traceId: z.uuid(),
  tenant: z.string(),
  agent: z.string(),
  status: z.enum(TASK_STATUSES),
  input: z.unknown(),
  output: z.unknown(),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  attempt: z.int(),
  failures: z.int(),
  maxAttempts: z.int(),
  priority: z.int(),
  /** How its newest attempt was claimed; null where it had none, and in lists. */
  lane: z.enum(['queue', 'log', 'direct']).nullable(),
  labels: z.record(z.string(), z.string()),
  usage: z.unknown(),
  createdAt: time.nullable(),
  dueAt: time.nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  expiresAt: time.nullable(),
  /** 1, and one more with each retry after a failure. */
  life: z.int(),
});

export type TaskJson = z.output<typeof taskJsonSchema>;

export function taskJson(task: Task): TaskJson {
  return {
    id: task.id,
    traceId: task.id,
    tenant: task.tenant,
    agent: task.agent,
    status: task.status as TaskJson['status'],
    input: jsonOrNull(task.inputJson),
    output: jsonOrNull(task.outputJson),
    error: task.error === undefined ? null : { code: task.error.code, message: task.error.message },
    attempt: task.attempt,
    failures: task.failures,
    maxAttempts: task.maxAttempts,
    priority: task.priority,
    lane: task.lane === '' ? null : (task.lane as TaskJson['lane']),
    labels: task.labels,
    // Not in the protocol yet.
    usage: null,
    createdAt: isoOrNull(task.createdAt),
    dueAt: isoOrNull(task.dueAt),
    startedAt: isoOrNull(task.startedAt),
    finishedAt: isoOrNull(task.finishedAt),
    expiresAt: isoOrNull(task.expiresAt),
    life: task.life,
  };
}

export function jsonOrNull(text: string): unknown {
  return text === '' ? null : (JSON.parse(text) as unknown);
}

export function isoOrNull(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}
