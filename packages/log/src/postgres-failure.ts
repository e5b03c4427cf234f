import { AppError } from '@morningai/core/errors';

/** What a failed statement means for the one who sent it. */
export type PostgresFailure =
  /**
   * A value was refused (SQLSTATE 21, 22, 23, and 54: too long for an index, nested too deep): this very batch can never succeed.
   * Nothing was stored.
   */
  | 'refused'
  /** Postgres is away, slow, or was stopped in between: it may have happened. */
  | 'unknown';

export function classifyFailure(error: unknown): PostgresFailure {
  const state = sqlState(error);
  return state !== undefined && /^(2[123]|54)/.test(state) ? 'refused' : 'unknown';
}

/** The five characters, or undefined for what did not come from Postgres (sockets, time-outs). */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error ? code : undefined;
}

/** True for what Node throws at wrong code; trying again would not help. */
export function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

/**
 * For the `catch` of a read: nothing happened, try again. What Postgres refuses because the statement itself is wrong is thrown as it
 * came, for it is a bug of ours.
 * @throws AppError STORE_UNAVAILABLE
 */
export function storeUnavailable(cause: unknown): never {
  if (cause instanceof AppError || isBug(cause) || /^(22|42)/.test(sqlState(cause) ?? '')) throw cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new AppError('STORE_UNAVAILABLE', `postgres does not answer: ${why}`, { cause });
}
