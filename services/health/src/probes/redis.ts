import { openRedis } from '@morningai/queue/open-redis';
import { reason } from '@morningai/service/logger';
import { secretsOf, withoutSecrets } from '@morningai/service/secrets';
import type { Redis } from 'ioredis';
import type { Probe } from './probe.ts';

/** A connection to a frozen server is not closed politely for longer than this. */
const GOODBYE_MS = 50;

/**
 * Up: Redis lets us in and answers PING with PONG; while it loads its data it does not. Behind Sentinels that is whom they name as the primary
 * now, and only if it says so itself.
 */
export function redisProbe(urlNow: () => Promise<string>): Probe {
  return async (signal, timeoutMs) => {
    const url = await urlNow();
    const client = openRedis(
      url,
      {
        lazyConnect: true,
        retryStrategy: () => null,
        connectTimeout: timeoutMs,
        commandTimeout: timeoutMs,
        disconnectTimeout: GOODBYE_MS,
        // Both need more rights than PING.
        enableReadyCheck: false,
        disableClientInfo: true,
      },
      (sentinels) => ({
        sentinelRetryStrategy: () => null,
        // Each Sentinel and then the primary may have its part of the time: one that is away does not use up all of it.
        connectTimeout: Math.ceil(timeoutMs / (sentinels + 1)),
        sentinelCommandTimeout: Math.ceil(timeoutMs / (sentinels + 1)),
        updateSentinels: false,
      }),
    );
    const said: string[] = [];
    client.on('sentinelError', (error: Error) => void said.push(error.message));
    // ioredis keeps the cause for this event: connect() itself only says "Connection is closed."
    const failed = new Promise<never>((_, reject) => client.on('error', reject));
    signal.addEventListener('abort', () => client.disconnect(), { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([failed, ping(client)]);
    } catch (error) {
      const why = said.length === 0 || signal.aborted ? reason(error) : said.join('; ');
      throw new Error(withoutSecrets(why, secretsOf(url)), { cause: error });
    }
  };
}

async function ping(client: Redis): Promise<void> {
  await client.connect();
  const answer: unknown = await client.ping();
  if (answer !== 'PONG') throw new Error('the answer to PING is not PONG');
  if (client.options.sentinels && (await roleOf(client)) !== 'master') throw new Error('the Sentinels name a replica');
}

/** Everybody may ask it, whatever else they may do. */
async function roleOf(client: Redis): Promise<unknown> {
  const hello: unknown = await client.call('HELLO');
  const told = Array.isArray(hello) ? (hello as unknown[]) : [];
  return told[told.indexOf('role') + 1];
}
