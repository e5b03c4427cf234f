/**
 * Brings tasks to the ends that no worker reports: cuts cancelled attempts whose grace is over, and fails tasks whose `expiresAt` has come
 * before their attempt. Both by Postgres' clock, under the append lock: what is found here is a hint.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from '@morningai/core/task';
import { cancelledAttempts, expiredTasks } from '@morningai/log/ends';
import type { Pool } from '@morningai/log/pool';
import type { TaskWriter } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';

const EVERY_MS = 500;
const PAGE = 500;
const END_BYTES = 200;
const END_DEADLINE_MS = 5_000;

export type EndsParts = {
  readonly pool: Pool;
  readonly writer: TaskWriter;
  readonly catalog: AgentCatalog;
  readonly logger: Logger;
};

/** Runs until the signal aborts. */
export async function runEnds(parts: EndsParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const mayBeMore = await endSome(parts).catch((error: unknown) => {
      parts.logger.warn({ why: reason(error) }, 'ends not looked for');
      return false;
    });
    if (!mayBeMore) await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns true: it ended a full page of tasks */
async function endSome({ pool, writer, catalog, logger }: EndsParts): Promise<boolean> {
  const end = async (taskId: string, command: Command) => {
    const deadlineAt = performance.now() + END_DEADLINE_MS;
    const written = await writer.write({
      taskId,
      tenant: '',
      command,
      limits: [],
      urgency: 'outcome',
      bytes: END_BYTES,
      deadlineAt,
    });
    if (written.events.length > 0) logger.info({ traceId: taskId, command: command.type }, 'task ended');
    return written.events.length > 0;
  };
  const cancelled = await cancelledAttempts(pool, { agents: catalog.names(), limit: PAGE });
  const expired = await expiredTasks(pool, PAGE);
  const results = await Promise.allSettled([
    ...cancelled.map(({ taskId, fence }) => end(taskId, { type: 'CutCancelled', fence })),
    ...expired.map((taskId) => end(taskId, { type: 'ExpireTask' })),
  ]);
  // One that cannot be written must not hold up the others; it is found again.
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) logger.warn({ why: reason(failed.reason) }, 'task not ended');
  return results.filter((result) => result.status === 'fulfilled' && result.value).length >= PAGE;
}
