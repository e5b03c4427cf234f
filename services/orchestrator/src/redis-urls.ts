/** The URLs of Redis that this orchestrator knows: REDIS_URL, and what the queue was moved to. The only place where they are sealed and opened. */
import { redisPlace } from '@morningai/queue/redis-place';
import { fingerprint, seal, SEALED_FOR, unseal } from '@morningai/service/sealed';
import { redisInUse, type RedisInUse, type RedisMove } from './domain/redis-in-use.ts';

export type RedisUrls = {
  /** Without user, password and options. */
  readonly configuredPlace: string;
  readonly configuredFingerprint: string;
  /** @param row null: the queue was never moved */
  inUse(row: RedisMove | null): RedisInUse;
  /** As it may be recorded. */
  sealed(url: string): { readonly place: string; readonly sealedUrl: string; readonly fingerprint: string };
};

export function createRedisUrls(redisUrl: string, apiKey: string): RedisUrls {
  const configured = { url: redisUrl, place: redisPlace(redisUrl) };
  return {
    configuredPlace: configured.place,
    configuredFingerprint: fingerprint(redisUrl, apiKey, SEALED_FOR.redisUrl),
    inUse: (row) => redisInUse(configured, row, (sealed) => unseal(sealed, apiKey, SEALED_FOR.redisUrl)),
    sealed: (url) => ({
      place: redisPlace(url),
      sealedUrl: seal(url, apiKey, SEALED_FOR.redisUrl),
      fingerprint: fingerprint(url, apiKey, SEALED_FOR.redisUrl),
    }),
  };
}
