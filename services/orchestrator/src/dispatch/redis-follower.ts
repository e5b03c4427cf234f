/**
 * Follows the row that says which Redis has the tickets: whoever moved the queue, and whenever this process looks again. Once every
 * orchestrator has in its configuration what was moved to, the row says so.
 */
import { performance } from 'node:perf_hooks';
import type { Pool } from '@morningai/log/pool';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import type { RedisMove } from '../domain/redis-in-use.ts';
import type { RedisUrls } from '../redis-urls.ts';
import { readRedisMove, settleMove } from '../store/redis-move.ts';
import type { Dispatcher } from './dispatcher.ts';

const LOOK_MS = 250;
const SETTLE_EVERY_MS = 1_000;

export type RedisFollower = {
  /** Follows what is recorded by now. @throws when Postgres does not answer */
  follow(): Promise<void>;
  close(): Promise<void>;
};

export function startRedisFollower(parts: {
  readonly pool: Pool;
  readonly urls: RedisUrls;
  readonly dispatcher: Pick<Dispatcher, 'moveTo' | 'status'>;
  readonly logger: Logger;
}): RedisFollower {
  const { pool, urls, dispatcher, logger } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  let settleTriedAt = -Infinity;

  const follow = async () => {
    const row = await readRedisMove(pool);
    const { redis } = dispatcher.status();
    // It only rises: what was read before another look is nothing to go back to.
    if (row === null || row.move <= redis.move) return row;
    const next = urls.inUse(row);
    dispatcher.moveTo(next);
    const { place, move, isLocked } = next;
    logger.info({ place, move, was: redis.place, isConfigured: row.place === null }, 'the queue is on this redis now');
    if (isLocked) logger.error({ place }, LOCKED);
    return row;
  };

  const settle = async ({ move, place, fingerprint }: RedisMove) => {
    if (place === null || fingerprint !== urls.configuredFingerprint) return;
    if (performance.now() - settleTriedAt < SETTLE_EVERY_MS) return;
    settleTriedAt = performance.now();
    if (await settleMove(pool, move)) logger.info({ place }, 'REDIS_URL says everywhere where the queue was moved to');
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await follow()
        .then((row) => (row === null ? undefined : settle(row)))
        .catch((error: unknown) => logger.debug({ why: reason(error) }, 'redis_move not read'));
      await waker.sleep(LOOK_MS, stop.signal);
    }
  };
  const running = run();

  return {
    follow: async () => void (await follow()),
    async close() {
      stop.abort();
      await running;
    },
  };
}

export const LOCKED =
  'the password of this redis cannot be read: MORNINGAI_API_KEY was changed since the queue was moved there. Move it again';
