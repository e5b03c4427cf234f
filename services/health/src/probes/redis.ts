import { reason } from '@morningai/service/logger';
import { secretsOf, withoutSecrets } from '@morningai/service/secrets';
import { Redis } from 'ioredis';
import type { Probe } from './probe.ts';

/** A connection to a frozen server is not closed politely for longer than this. */
const GOODBYE_MS = 50;

/** Up: Redis lets us in and answers PING with PONG; while it loads its data it does not. */
export function redisProbe(urlNow: () => Promise<string>): Probe {
  return async (signal, timeoutMs) => {
    const url = await urlNow();
    const client = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      disconnectTimeout: GOODBYE_MS,
      // Both need more rights than PING.
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    // ioredis keeps the cause for this event: connect() itself only says "Connection is closed."
    const failed = new Promise<never>((_, reject) => client.on('error', reject));
    signal.addEventListener('abort', () => client.disconnect(), { once: true });
    signal.throwIfAborted();
    await Promise.race([failed, ping(client)]).catch((error: unknown) => {
      throw new Error(withoutSecrets(reason(error), secretsOf(url)), { cause: error });
    });
  };
}

async function ping(client: Redis): Promise<void> {
  await client.connect();
  const answer: unknown = await client.ping();
  if (answer !== 'PONG') throw new Error('the answer to PING is not PONG');
}
