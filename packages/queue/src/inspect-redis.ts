/**
 * What a Redis is and holds, asked from beside over a connection of its own: before the queue is moved there. Bounded: each command and the whole
 * have a deadline, and no more keys are looked at than the bound says.
 */
import type { Redis } from 'ioredis';
import { probeClient } from './redis-clients.ts';
import { infoField } from './redis-info.ts';

const INSPECT_MS = 5_000;
const KEYS_PER_SCAN = 1_000;
/** A window is far less. */
const KEYS_LOOKED_AT_MAX = 200_000;
/** Should we die between writing it and deleting it. */
const TRIAL_MS = 5_000;

export type RedisFacts = {
  /** Another one for each process that answers. */
  readonly runId: string;
  readonly version: string;
  readonly role: string;
  readonly isCluster: boolean;
  readonly memoryPolicy: string;
  /** Keys under the prefix that were asked for. */
  readonly ownKeys: number;
  /** The first key that is under no such prefix; null: there is none. */
  readonly foreignKey: string | null;
  /** Why it does not let us write; null: it does. */
  readonly refusal: string | null;
};

/** @throws what Redis, or the connection to it, said first */
export function inspectRedis(url: string, prefix: string): Promise<RedisFacts> {
  return besides(url, async (redis) => {
    const info = await redis.info();
    const refusal = await tryToWrite(redis, `${prefix}:trial`);
    return {
      runId: infoField(info, 'run_id'),
      version: infoField(info, 'redis_version'),
      role: infoField(info, 'role'),
      isCluster: infoField(info, 'cluster_enabled') === '1',
      memoryPolicy: infoField(info, 'maxmemory_policy') || 'unknown',
      refusal,
      ...(await lookAtKeys(redis, prefix)),
    };
  });
}

/** @throws as above */
export function readRunId(url: string): Promise<string> {
  return besides(url, async (redis) => infoField(await redis.info('server'), 'run_id'));
}

/** Deletes every key under the prefix. @returns how many. @throws as above */
export function dropKeys(url: string, prefix: string): Promise<number> {
  return besides(url, async (redis) => {
    let dropped = 0;
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', KEYS_PER_SCAN);
      if (keys.length > 0) dropped += await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
    return dropped;
  });
}

async function lookAtKeys(redis: Redis, prefix: string): Promise<Pick<RedisFacts, 'ownKeys' | 'foreignKey'>> {
  let [ownKeys, cursor] = [0, '0'];
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', KEYS_PER_SCAN);
    const foreignKey = keys.find((key) => !key.startsWith(`${prefix}:`));
    if (foreignKey !== undefined) return { ownKeys, foreignKey };
    ownKeys += keys.length;
    cursor = next;
  } while (cursor !== '0' && ownKeys < KEYS_LOOKED_AT_MAX);
  return { ownKeys, foreignKey: null };
}

async function tryToWrite(redis: Redis, key: string): Promise<string | null> {
  try {
    // The client takes database 0 without a word where there is none of the number that was asked for.
    const { db = 0 } = redis.options;
    if (db !== 0) await redis.select(db);
    await redis.set(key, '1', 'PX', TRIAL_MS);
    await redis.del(key);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function besides<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = probeClient(url);
  let first: Error | null = null;
  // ioredis tells the cause here; whoever waits for an answer hears only that the connection is closed.
  redis.on('error', (error: Error) => void (first ??= error));
  const late = setTimeout(() => {
    first ??= new Error(`no answer within ${INSPECT_MS} ms`);
    redis.disconnect();
  }, INSPECT_MS);
  try {
    await redis.connect();
    return await use(redis);
  } catch (error) {
    throw first ?? error;
  } finally {
    clearTimeout(late);
    redis.disconnect();
  }
}
