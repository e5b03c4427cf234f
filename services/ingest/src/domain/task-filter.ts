/** What may be done to tasks, and to which of many: the bodies of the routes that end or retry them. */
import { storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import type { Duration } from '@morningai/rpc/duration';
import type { BulkResult, TaskFilter } from '@morningai/rpc/tasks';
import { z } from 'zod';

const agent = z.string().min(1).max(LIMITS.nameLength).optional();
const label = z
  .string()
  .min(1)
  .max(LIMITS.nameLength + 1 + LIMITS.labelValueLength)
  .optional();
const which = {
  ids: z.array(z.uuid().toLowerCase()).min(1).max(LIMITS.pageMax).optional(),
  agent,
  /** "name", or "name:value". */
  label,
  /** Created before this time. */
  before: z.iso.datetime({ offset: true, error: 'must be a time as 2026-11-23T06:00:00Z' }).optional(),
  /** Every one: nothing else need be said then. */
  all: z.literal(true).optional(),
};

/** What all that is given must be true of. */
export const openFilter = z.strictObject({
  ...which,
  status: z.enum(['scheduled', 'queued', 'running', 'waiting']).optional(),
});
export const failedFilter = z.strictObject({
  ...which,
  status: z.literal('failed').optional(),
  /** The code of the task's error. */
  errorCode: z.string().min(1).max(LIMITS.nameLength).optional(),
});

/** The body of POST /v1/tasks/{id}:cancel. */
export const cancellation = z.strictObject({
  reason: z.string().max(LIMITS.cancelReasonLength).optional(),
  graceMs: z.int().min(0).max(LIMITS.cancelGraceMs).optional(),
});

/** The body of POST /v1/tasks:cancel. */
export const bulkCancellation = cancellation.extend({ filter: openFilter, dryRun: z.boolean().optional() });

/** The body of POST /v1/failed:retry. */
export const bulkRetry = z.strictObject({ filter: failedFilter, dryRun: z.boolean().optional() });

/** The body of POST /v1/tasks/{id}:retry. */
export const retry = z.strictObject({
  /** The `life` that failed: a request that comes again is known by it. */
  life: z.int().min(1).max(2_147_483_647).optional(),
});

const bulkAnswer = {
  /** How many the filter matched. */
  matched: z.int(),
  /** At least so many were not reached in time: ask again. */
  left: z.int(),
  /** Ids of those that were done; in a dry run, of those that matched. The first 1,000. */
  tasks: z.array(z.uuid()),
  dryRun: z.boolean(),
};
export const bulkCancelled = z.strictObject({ ...bulkAnswer, cancelled: z.int() });
export const bulkRetried = z.strictObject({ ...bulkAnswer, retried: z.int() });

/** @throws AppError TEXT_NOT_STORABLE */
export function taskFilter(given: z.output<typeof openFilter> | z.output<typeof failedFilter>): TaskFilter {
  return {
    ids: given.ids ?? [],
    status: given.status ?? '',
    agent: storableText(given.agent ?? ''),
    label: storableText(given.label ?? ''),
    errorCode: 'errorCode' in given ? storableText(given.errorCode ?? '') : '',
    before: given.before === undefined ? undefined : new Date(given.before),
    all: given.all ?? false,
  };
}

/** @throws AppError TEXT_NOT_STORABLE */
export function cancelFields(given: z.output<typeof cancellation>): { reason: string; grace: Duration | undefined } {
  const { reason = '', graceMs } = given;
  return { reason: storableText(reason), grace: graceMs === undefined ? undefined : duration(graceMs) };
}

function duration(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

export function bulkJson({ matched, left, ids }: BulkResult, dryRun: boolean) {
  return { matched: Number(matched), left: Number(left), tasks: ids, dryRun };
}
