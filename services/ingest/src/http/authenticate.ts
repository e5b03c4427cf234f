import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AppError } from '@morningai/core/errors';
import { tenantOfKey } from '../domain/tenant.ts';

/** @returns the tenant of the request's API key; @throws AppError UNAUTHENTICATED */
export type Authenticate = (request: IncomingMessage) => string;

/** Compares in constant time. A header given twice is refused: two readers could each believe another one. */
export function createAuthenticate(apiKey: string): Authenticate {
  const wanted = sha256(apiKey);
  return (request) => {
    const [header = '', second] = request.headersDistinct['authorization'] ?? [];
    const given = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '';
    if (!timingSafeEqual(sha256(given), wanted) || second !== undefined) {
      throw new AppError('UNAUTHENTICATED', 'the request carries no valid API key (Authorization: Bearer …)');
    }
    return tenantOfKey(given);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
