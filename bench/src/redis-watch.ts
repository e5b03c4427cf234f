/** Redis itself, looked at from beside: what it holds, and when. */
import { setTimeout as delay } from 'node:timers/promises';
import { readTickets } from '@morningai/queue/read-tickets';
import { probeClient } from '@morningai/queue/redis-clients';
import { infoField } from '@morningai/queue/redis-info';
import { nowMs } from './loads/serve-load.ts';

const LOOK_MS = 5;
const WAIT_MS = 60_000;
/** Without a new key for so long, whatever was being filled is full. */
const STILL_MS = 1_000;

export type FirstTickets = {
  /** When Redis answered first, ms since 1970. */
  readonly answeredAt: number;
  /** When the first tickets were seen. */
  readonly seenAt: number;
  /** The tasks they name. */
  readonly taskIds: ReadonlySet<string>;
};

export type RedisWatch = {
  usedMemory(): Promise<number>;
  flushAll(): Promise<void>;
  /** The tasks that tickets name now. */
  tickets(): Promise<ReadonlySet<string>>;
  /** From now on, and if Redis is away, as soon as it is back. */
  untilTickets(signal: AbortSignal): Promise<FirstTickets>;
  /** Resolves when no key has come or gone for a second. @returns when the last one did */
  untilStill(signal: AbortSignal): Promise<number>;
};

/** @param prefix of the tickets that are meant */
export function watchRedis(url: string, prefix: string): RedisWatch {
  const withRedis = async <T>(use: (redis: ReturnType<typeof probeClient>) => Promise<T>): Promise<T> => {
    const redis = probeClient(url);
    try {
      return await use(redis);
    } finally {
      redis.disconnect();
    }
  };

  const tickets = async () => {
    const taskIds = new Set<string>();
    for await (const page of readTickets(url, prefix)) page.forEach((taskId) => taskIds.add(taskId));
    return taskIds;
  };

  return {
    usedMemory: () => withRedis(async (redis) => Number(infoField(await redis.info('memory'), 'used_memory'))),
    flushAll: () => withRedis(async (redis) => void (await redis.flushall())),
    tickets,
    async untilTickets(signal) {
      const startedAt = nowMs();
      let answeredAt: number | null = null;
      while (nowMs() - startedAt < WAIT_MS) {
        signal.throwIfAborted();
        const lookedAt = nowMs();
        const taskIds = await tickets().catch(() => null);
        if (taskIds !== null) answeredAt ??= lookedAt;
        if (answeredAt !== null && taskIds !== null && taskIds.size > 0)
          return { answeredAt, seenAt: nowMs(), taskIds };
        await delay(LOOK_MS);
      }
      throw new Error(`no ticket within ${WAIT_MS} ms`);
    },
    untilStill: (signal) =>
      withRedis(async (redis) => {
        let [keys, changedAt] = [-1, nowMs()];
        const startedAt = nowMs();
        while (nowMs() - changedAt < STILL_MS) {
          signal.throwIfAborted();
          if (nowMs() - startedAt > WAIT_MS) throw new Error(`keys come and go for longer than ${WAIT_MS} ms`);
          const now = await redis.dbsize();
          if (now !== keys) [keys, changedAt] = [now, nowMs()];
          await delay(LOOK_MS);
        }
        return changedAt;
      }),
  };
}
