import type { Redis, RedisOptions } from 'ioredis';
import { openRedis, type SentinelOptions } from './open-redis.ts';

/** A silent partition hangs a client for ever unless a command may time out. Not for blocking commands. */
const COMMAND_TIMEOUT_MS = 2_000;
const RECONNECT_MAX_MS = 100;
/** Of several Sentinels one may be away: the next is asked soon. */
const SENTINEL_TIMEOUT_MS = 1_000;
/** A Sentinel that was away is listened to again so soon. */
const SENTINEL_RECONNECT_MS = 1_000;

const backOff = (times: number) => Math.min(50 * times, RECONNECT_MAX_MS);

const RECONNECT = {
  // The default backs off so far that an outage of 20 s cost 19 s more.
  retryStrategy: backOff,
  connectTimeout: COMMAND_TIMEOUT_MS,
} satisfies RedisOptions;

const ASK_AGAIN = {
  sentinelRetryStrategy: backOff,
  sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
  connectTimeout: SENTINEL_TIMEOUT_MS,
} satisfies SentinelOptions;

/**
 * For commands that answer at once: fails instead of queueing while Redis is away.
 * @param closed aborted by whoever closes it, before it does
 */
export function commandClient(url: string, closed: AbortSignal): Redis {
  const redis = openRedis(
    url,
    {
      ...RECONNECT,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
    },
    () => ({
      ...ASK_AGAIN,
      // A primary that was frozen or cut off keeps its connections: who stays with it does not see its successor.
      socketTimeout: COMMAND_TIMEOUT_MS,
      failoverDetector: true,
      sentinelReconnectStrategy: () => SENTINEL_RECONNECT_MS,
    }),
  );
  // ioredis gives up for ever when Sentinels tell of a failover while it asks them for the primary.
  redis.on('end', () => {
    setTimeout(() => {
      if (!closed.aborted && redis.status === 'end') void redis.connect().catch(() => undefined);
    }, RECONNECT_MAX_MS).unref();
  });
  return redis;
}

/**
 * For BullMQ's consumers, whose commands block. BullMQ makes another one of it for that, and may connect it again when both have been closed:
 * one more connection would stay at each failover.
 * @param closed aborted by whoever closes it, before it does
 */
export function blockingClient(url: string, closed: AbortSignal): Redis {
  const backOffUntilClosed = (times: number) => (closed.aborted ? null : backOff(times));
  const redis = openRedis(url, { ...RECONNECT, retryStrategy: backOffUntilClosed, maxRetriesPerRequest: null }, () => ({
    ...ASK_AGAIN,
    sentinelRetryStrategy: backOffUntilClosed,
  }));
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => endingWhen(closed, duplicate(override));
  return endingWhen(closed, redis);
}

function endingWhen(closed: AbortSignal, redis: Redis): Redis {
  redis.on('connect', () => {
    if (closed.aborted) redis.disconnect();
  });
  redis.on('error', () => undefined);
  return redis;
}

/** For a look from beside: one connection, made at the first command, and never again. */
export function probeClient(url: string): Redis {
  const redis = openRedis(
    url,
    {
      lazyConnect: true,
      connectTimeout: COMMAND_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    },
    () => ({ ...ASK_AGAIN, sentinelRetryStrategy: () => null }),
  );
  redis.on('error', () => undefined);
  return redis;
}
