/** The bodies of the original MorningAI's two paths, as its callers know them. */
import type { AppError } from '@morningai/core/errors';
import { ERROR_KINDS } from '@morningai/core/errors';
import type { Task } from '@morningai/rpc/tasks';
import { z } from 'zod';
import { isoOrNull, jsonOrNull } from './task-json.ts';

/** The faq agent takes no longer ones. */
const QUESTION_LENGTH = 2_000;

/** POST /api/agent/faq */
export const originalQuestion = z.strictObject({
  question: z.string().trim().min(1, 'must not be blank').max(QUESTION_LENGTH),
});

export const originalAccepted = z.strictObject({ task_id: z.uuid(), status: z.literal('queued') });

const time = z.iso.datetime().nullable();

/** GET /api/agent/tasks/{id} */
export const originalTaskSchema = z.strictObject({
  task_id: z.uuid(),
  status: z.enum(['queued', 'running', 'done', 'error']),
  trace_id: z.uuid(),
  question: z.string().nullable(),
  pr_url: z.string().nullable(),
  error_msg: z.string().nullable(),
  created_at: time,
  started_at: time,
  finished_at: time,
  updated_at: time,
});

export type OriginalTask = z.output<typeof originalTaskSchema>;

export function originalTask(task: Task): OriginalTask {
  return {
    task_id: task.id,
    status: originalStatus(task.status),
    trace_id: task.id,
    question: textField(jsonOrNull(task.inputJson), 'question'),
    pr_url: pullRequestOf(jsonOrNull(task.outputJson)),
    error_msg: task.error?.message ?? (task.status === 'cancelled' ? 'cancelled' : null),
    created_at: isoOrNull(task.createdAt),
    started_at: isoOrNull(task.startedAt),
    finished_at: isoOrNull(task.finishedAt),
    updated_at: isoOrNull(task.updatedAt),
  };
}

/** A waiting task has begun and goes on by itself: to the original's callers it runs. */
function originalStatus(status: string): OriginalTask['status'] {
  if (status === 'completed') return 'done';
  if (status === 'failed' || status === 'cancelled') return 'error';
  return status === 'running' || status === 'waiting' ? 'running' : 'queued';
}

/** `publishedTo` may also be the path of a file. */
function pullRequestOf(output: unknown): string | null {
  const url = textField(output, 'prUrl') ?? textField(output, 'publishedTo');
  return url !== null && /^https?:\/\//.test(url) ? url : null;
}

function textField(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
  const field = (value as Record<string, unknown>)[name];
  return typeof field === 'string' ? field : null;
}

export const originalErrorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), details: z.unknown() }),
});

export type OriginalError = z.output<typeof originalErrorSchema>;

/** Every fault of the request's body is one code and 400 there. */
const INVALID_INPUT: ReadonlySet<string> = new Set([
  'REQUEST_INVALID',
  'BODY_NOT_JSON',
  'MEDIA_TYPE_UNSUPPORTED',
  'JSON_TOO_COMPLEX',
  'TEXT_NOT_STORABLE',
  'NUMBER_OUT_OF_RANGE',
  'VALUE_REFUSED',
  'INPUT_INVALID',
]);

export function originalError(error: AppError): { readonly status: number; readonly body: OriginalError } {
  const invalid = INVALID_INPUT.has(error.code);
  return {
    status: invalid ? ERROR_KINDS.invalid.http : ERROR_KINDS[error.kind].http,
    body: {
      error: {
        code: invalid ? 'invalid_input' : error.code.toLowerCase(),
        message: error.message,
        details: error.details ?? null,
      },
    },
  };
}
