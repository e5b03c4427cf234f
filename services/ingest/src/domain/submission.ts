/** A task as a caller asks for it, and as the orchestrator takes it. */
import { AppError } from '@morningai/core/errors';
import { storableJson, storableText } from '@morningai/core/json';
import { DEFAULTS, LIMITS } from '@morningai/core/limits';
import type { TaskSpec } from '@morningai/rpc/tasks';
import { z } from 'zod';
import { idempotencyKey } from './idempotency-key.ts';

const time = z.iso.datetime({ offset: true, error: 'must be a time as 2026-11-23T06:00:00Z' });
/** A list filters by "name:value": so a name has no colon. */
const labelName = z
  .string()
  .regex(/^[^:\s]+$/, 'must have no colon and no white space')
  .max(LIMITS.nameLength);
const labels = z
  .record(labelName, z.string().max(LIMITS.labelValueLength))
  .refine((given) => Object.keys(given).length <= LIMITS.labels, `at most ${LIMITS.labels} labels`);

/** The body of POST /v1/tasks. */
export const submission = z.strictObject({
  agent: z.string().min(1).max(LIMITS.nameLength),
  input: z.unknown().refine((input) => input !== undefined, 'is required'),
  priority: z
    .int()
    .min(0)
    .max(LIMITS.priorities - 1)
    .optional(),
  dueAt: time.optional(),
  expiresAt: time.optional(),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  concurrencyKey: z.string().min(1).max(LIMITS.keyLength).optional(),
  labels: labels.optional(),
});

export type Submission = z.output<typeof submission>;

/** An item of POST /v1/tasks:batch: the header of one task is a field here. */
export const batchItem = submission.extend({ idempotencyKey: idempotencyKey.optional() });

/**
 * @param now ms since 1970: how far ahead `dueAt` is; Postgres' own clock decides what is due
 * @throws AppError REQUEST_INVALID, TEXT_NOT_STORABLE, NUMBER_OUT_OF_RANGE, JSON_TOO_COMPLEX, INPUT_TOO_LARGE
 */
export function taskSpecOf(
  given: Submission,
  call: { readonly id: string; readonly now: number; readonly idempotencyKey: string | undefined },
): TaskSpec {
  const dueAt = given.dueAt === undefined ? undefined : new Date(given.dueAt);
  const expiresAt = given.expiresAt === undefined ? undefined : new Date(given.expiresAt);
  refuseTimes(dueAt, expiresAt, call.now);
  return {
    id: call.id,
    agent: storableText(given.agent),
    inputJson: inputJson(given.input),
    priority: given.priority ?? DEFAULTS.priority,
    dueAt,
    expiresAt,
    maxAttempts: given.maxAttempts ?? 0,
    concurrencyKey: storableText(given.concurrencyKey ?? ''),
    labels: storableLabels(given.labels ?? {}),
    idempotencyKey: call.idempotencyKey ?? '',
  };
}

function refuseTimes(dueAt: Date | undefined, expiresAt: Date | undefined, now: number): void {
  if (dueAt !== undefined && dueAt.getTime() - now > LIMITS.dueInMs) {
    throw new AppError('REQUEST_INVALID', `dueAt: at most ${LIMITS.dueInMs} ms ahead`);
  }
  // Against now it is not compared: a repeat after the expiry must still find the first task.
  if (dueAt !== undefined && expiresAt !== undefined && expiresAt <= dueAt) {
    throw new AppError('REQUEST_INVALID', 'expiresAt: must be after dueAt');
  }
}

function inputJson(input: unknown): string {
  const text = JSON.stringify(storableJson(input));
  const bytes = Buffer.byteLength(text);
  if (bytes <= LIMITS.inputBytes) return text;
  throw new AppError('INPUT_TOO_LARGE', `the input is ${bytes} bytes of JSON; at most ${LIMITS.inputBytes}`);
}

function storableLabels(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [storableText(name), storableText(value)]));
}
