import { AppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import { z } from 'zod';

/** 1 to 255 visible ASCII characters. */
export const idempotencyKey = z
  .string()
  .regex(/^[!-~]+$/, 'must be visible ASCII characters')
  .max(LIMITS.keyLength);

/**
 * @param given every Idempotency-Key header of the request
 * @throws AppError REQUEST_INVALID
 */
export function parseIdempotencyKey(given: readonly string[]): string | undefined {
  const [key, second] = given;
  if (key === undefined) return undefined;
  if (second === undefined && idempotencyKey.safeParse(key).success) return key;
  const why = second === undefined ? `must be 1 to ${LIMITS.keyLength} visible ASCII characters` : 'was given twice';
  throw new AppError('REQUEST_INVALID', `Idempotency-Key ${why}`, {
    details: { problems: [{ field: 'Idempotency-Key', message: why }] },
  });
}
