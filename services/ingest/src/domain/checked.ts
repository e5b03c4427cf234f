/** Where a caller's value meets a schema: refused with the names of the fields that are wrong. */
import { AppError } from '@morningai/core/errors';
import type { z } from 'zod';

const PROBLEMS_SHOWN = 20;
const MESSAGE_LENGTH = 300;

/** @throws AppError REQUEST_INVALID; `details.problems` is a list of {field, message} */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, PROBLEMS_SHOWN).map((issue) => ({
    // A caller's own key may be in both: it must be text that a reply can carry, and not long.
    field: short(issue.path.join('.')),
    message: short(issue.message),
  }));
  const text = problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ');
  throw new AppError('REQUEST_INVALID', short(text), { details: { problems } });
}

function short(text: string): string {
  return text.slice(0, MESSAGE_LENGTH).toWellFormed();
}
