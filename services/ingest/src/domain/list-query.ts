/** What may stand behind the "?" of a list. */
import { LIMITS } from '@morningai/core/limits';
import { z } from 'zod';
import { TASK_STATUSES } from './task-json.ts';

const CURSOR_LENGTH = 512;
const VERSION_DIGITS = 9;

const limit = z
  .string()
  .regex(/^\d{1,4}$/, 'must be a number')
  .transform(Number)
  .pipe(z.int().min(1).max(LIMITS.pageMax))
  .optional();

export const tasksQuery = z.strictObject({
  status: z.enum(TASK_STATUSES).optional(),
  agent: z.string().min(1).max(LIMITS.nameLength).optional(),
  /** "name", or "name:value". */
  label: z
    .string()
    .min(1)
    .max(LIMITS.nameLength + 1 + LIMITS.labelValueLength)
    .optional(),
  /** `next` of the page before. */
  cursor: z
    .string()
    .regex(/^[!-~]+$/, 'is not one that a list has given')
    .max(CURSOR_LENGTH)
    .optional(),
  limit,
});

/** `after` is a version: `next` of the page before, or the last one that the caller has seen. */
export const version = z
  .string()
  .regex(new RegExp(`^\\d{1,${VERSION_DIGITS}}$`), 'must be the version of an event')
  .transform(Number);

export const eventsQuery = z.strictObject({ after: version.optional(), limit });
