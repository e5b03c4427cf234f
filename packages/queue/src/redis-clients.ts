import { Redis, type RedisOptions } from 'ioredis';

/** A silent partition hangs a client for ever unless a command may time out. Not for blocking commands. */
const COMMAND_TIMEOUT_MS = 2_000;
const RECONNECT_MAX_MS = 100;

const RECONNECT = {
  // The default backs off so far that an outage of 20 s cost 19 s more.
  retryStrategy: (times: number) => Math.min(50 * times, RECONNECT_MAX_MS),
  connectTimeout: COMMAND_TIMEOUT_MS,
} satisfies RedisOptions;

/** For commands that answer at once: fails instead of queueing while Redis is away. */
export function commandClient(url: string): Redis {
  return new Redis(url, {
    ...RECONNECT,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
  });
}

/** For BullMQ's consumers, whose commands block. */
export function blockingClient(url: string): Redis {
  return new Redis(url, { ...RECONNECT, maxRetriesPerRequest: null });
}

/** For a look from beside: one connection, made at the first command, and never again. */
export function probeClient(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  return redis;
}
