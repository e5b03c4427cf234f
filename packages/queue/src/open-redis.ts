/**
 * The one place that makes clients of Redis, whichever form its address has. Through Sentinels a client asks for the primary at each connect,
 * takes nobody who says that it is a replica, and asks again for ever, as it connects again for ever to a plain address.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisAddress, type SentinelAddress } from './redis-address.ts';

/** What holds with Sentinels only. */
export type SentinelOptions = Pick<
  RedisOptions,
  | 'connectTimeout'
  | 'failoverDetector'
  | 'sentinelCommandTimeout'
  | 'sentinelReconnectStrategy'
  | 'sentinelRetryStrategy'
  | 'socketTimeout'
  | 'updateSentinels'
>;

/** Replies in the shapes that the package's types have: what ioredis does unless it is told otherwise. */
type Options = RedisOptions & { replyMapping?: 'legacy' };

/**
 * @param viaSentinels overrides options; told how many Sentinels there are
 * @throws AppError CONFIG_INVALID
 */
export function openRedis(url: string, options: Options, viaSentinels: (sentinels: number) => SentinelOptions): Redis {
  const address = parseRedisAddress(url);
  if (address.kind === 'server') return new Redis(address.url, options);
  return new Redis({ ...options, ...placeOf(address), ...viaSentinels(address.sentinels.length) });
}

function placeOf({ sentinels, primary, db, tls, server, sentinel }: SentinelAddress): Options {
  return {
    sentinels: [...sentinels],
    name: primary,
    role: 'master',
    db,
    ...(server.username !== undefined && { username: server.username }),
    ...(server.password !== undefined && { password: server.password }),
    ...(sentinel.username !== undefined && { sentinelUsername: sentinel.username }),
    ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}
