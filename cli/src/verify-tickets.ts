/** Tickets ⊆ tasks of the log. Redis holds hints only, so when it cannot be asked the log is as sound as before. */
import process from 'node:process';
import { knownTasks } from '@morningai/log/known-tasks';
import { openPool } from '@morningai/log/pool';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import { ticketPrefix } from '@morningai/queue/queue-names';
import { readTickets } from '@morningai/queue/read-tickets';
import { createRedisUrls } from '@morningai/orchestrator/redis-urls';
import { readRedisMove } from '@morningai/orchestrator/store/redis-move';
import { loginOf } from './connect.ts';

export type TicketReport = {
  /** Tasks that tickets name. */
  readonly tasks: number;
  /** Of them those that are finished: their tickets are refused, and go by themselves. */
  readonly stale: number;
  /** Of them those that the log does not know: the first of them. */
  readonly unknown: readonly string[];
};

const UNKNOWN_MAX = 20;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Null: Redis could not be asked.
 * @param urls.redisUrl the one that REDIS_URL names; where the queue was moved to, the log's database says
 */
export async function verifyTickets(
  urls: { readonly databaseUrl: string; readonly redisUrl: string; readonly apiKey: string },
  incarnation: string,
  signal: AbortSignal,
): Promise<TicketReport | null> {
  const pool = openPool({
    url: urls.databaseUrl,
    name: 'morningai-verify',
    maxConnections: 1,
    ...loginOf(process.env),
  });
  const report = { tasks: 0, stale: 0, unknown: [] as string[] };
  const redisNow = async function* () {
    const moved = await readRedisMove(pool).catch(storeUnavailable);
    const { url } = createRedisUrls(urls.redisUrl, urls.apiKey).inUse(moved);
    yield* readTickets(url, ticketPrefix(incarnation), signal);
  };
  const pages = redisNow();
  try {
    for (;;) {
      const page = await pages.next().catch(() => null);
      signal.throwIfAborted();
      if (page === null) return null;
      if (page.done === true) return report;
      const taskIds = [...new Set(page.value)];
      const known = await knownTasks(
        pool,
        taskIds.filter((id) => UUID.test(id)),
      ).catch(storeUnavailable);
      report.tasks += taskIds.length;
      report.stale += known.finished;
      report.unknown.push(...known.unknown, ...taskIds.filter((id) => !UUID.test(id)));
      report.unknown.length = Math.min(report.unknown.length, UNKNOWN_MAX);
    }
  } finally {
    await pages.return(undefined);
    await pool.close();
  }
}
