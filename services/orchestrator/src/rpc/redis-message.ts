import type { RedisInUse as RedisInUseMessage } from '@morningai/rpc/system';
import type { RedisInUse } from '../domain/redis-in-use.ts';

/** Never the URL itself. */
export function redisMessage({ place, movedAt, sealedUrl, isLocked }: RedisInUse): RedisInUseMessage {
  return { place, movedAt: movedAt ?? undefined, sealedUrl: sealedUrl ?? '', locked: isLocked };
}
