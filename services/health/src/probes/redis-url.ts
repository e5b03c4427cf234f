/**
 * Which Redis is probed: the one that has the tickets. The orchestrator says which that is, since the queue can be moved; while it says nothing,
 * the last that it said, and before that REDIS_URL.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SEALED_FOR, unseal } from '@morningai/service/sealed';
import type { HealthConfig } from '../config.ts';
import type { FactsAnswer } from '../domain/orchestrator-facts.ts';

/** A probe of Redis must not become late because the orchestrator is frozen. */
const ASK_MS = 200;

/** @param readFacts never throws */
export function createRedisUrl(
  { redisUrl, apiKey }: Pick<HealthConfig, 'redisUrl' | 'apiKey'>,
  readFacts: () => Promise<FactsAnswer>,
): () => Promise<string> {
  let last = redisUrl;
  const ask = async () => {
    const answer = await readFacts();
    if (!answer.known) return;
    const { redis } = answer.facts;
    // Sealed with another key than ours: as the orchestrator, we get no further than that it asks for a password.
    last = redis.sealedUrl === '' ? redisUrl : (unseal(redis.sealedUrl, apiKey, SEALED_FOR.redisUrl) ?? redis.place);
  };
  return async () => {
    await Promise.race([ask(), delay(ASK_MS)]);
    return last;
  };
}
