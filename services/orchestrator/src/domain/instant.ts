import { AppError } from '@morningai/core/errors';

/** What RFC 3339 can write, and so a Timestamp of the protocol. Date and Postgres go further, each as far as it likes. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** @throws AppError REQUEST_INVALID for a time outside the years 1 to 9999, and for one that is none */
export function parseInstant(field: string, time: Date): Date {
  const ms = time.getTime();
  if (ms >= FIRST_MS && ms <= LAST_MS) return time;
  throw new AppError('REQUEST_INVALID', `${field}: only the years 1 to 9999`);
}
