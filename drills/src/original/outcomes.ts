import type { Stage } from '../drill.ts';
import { untilFinished } from '../read-log.ts';

const STATUSES = {
  name: 'original_statuses',
  sql: `SELECT status, count(*) AS count FROM tasks WHERE id = ANY ($1::uuid[]) GROUP BY status`,
};

/** Waits for the tasks' outcomes. @returns how many were completed */
export async function completedOf(stage: Stage, tasks: readonly string[]): Promise<number> {
  await untilFinished(stage, tasks);
  const rows = await stage.stack.pool.query<{ status: string; count: number }>(STATUSES, [[...new Set(tasks)]]);
  return rows.find(({ status }) => status === 'completed')?.count ?? 0;
}

/** Runs it while Redis is down; Redis comes back empty. */
export async function withoutRedis<T>(stage: Stage, use: () => Promise<T>): Promise<T> {
  const redis = stage.stack.component('redis');
  await redis.kill();
  try {
    return await use();
  } finally {
    await redis.wipe();
    await redis.start();
  }
}

export async function get(stage: Stage, path: string, base = stage.stack.urls.ingestUrl): Promise<Response> {
  return fetch(`${base}${path}`, {
    headers: { authorization: `Bearer ${stage.stack.urls.apiKey}` },
    signal: AbortSignal.any([stage.signal, AbortSignal.timeout(10_000)]),
  });
}
