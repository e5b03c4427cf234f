/**
 * Which tasks the tickets in Redis name, read from beside: keys are scanned, so whatever queues there are and whoever made them is seen.
 * Bounded: a page at a time, each command with a deadline.
 */
import { probeClient } from './redis-clients.ts';

const KEYS_PER_SCAN = 1_000;

/**
 * Ids of tasks, page by page; one may come more than once.
 * @throws when Redis is away or does not answer in time
 */
export async function* readTickets(
  url: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const redis = probeClient(url);
  try {
    await redis.connect();
    for (let cursor: string | null = '0'; cursor !== null;) {
      signal?.throwIfAborted();
      const [next, keys]: [string, string[]] = await redis.scan(
        cursor,
        'MATCH',
        `${prefix}:*`,
        'COUNT',
        KEYS_PER_SCAN,
        'TYPE',
        'hash',
      );
      const jobs = await Promise.all(keys.map((key) => redis.hget(key, 'data')));
      const taskIds = jobs.flatMap(tasksOf);
      if (taskIds.length > 0) yield taskIds;
      cursor = next === '0' ? null : next;
    }
  } finally {
    redis.disconnect();
  }
}

/** Of the data of a job; hashes that are no jobs have none. */
function tasksOf(data: string | null): readonly string[] {
  if (data === null) return [];
  const { tasks }: { tasks?: unknown } = JSON.parse(data) as object;
  return Array.isArray(tasks) ? tasks.filter((task) => typeof task === 'string') : [];
}
