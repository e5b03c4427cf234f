/** Gives claims back that no worker has begun: that is no failure of the task. */
import { performance } from 'node:perf_hooks';
import type { TaskWriter } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { Claim } from '@morningai/rpc/worker';
import { heldKey, type WorkSession } from './work-session.ts';

const RELEASE_DEADLINE_MS = 10_000;
const RELEASE_BYTES = 200;

/** If it cannot be written in time, the lease ends the attempt. */
export async function releaseClaim(
  writer: Pick<TaskWriter, 'write'>,
  logger: Logger,
  taskId: string,
  fence: number,
): Promise<void> {
  try {
    await writer.write({
      taskId,
      tenant: '',
      command: { type: 'Release', fence },
      limits: [],
      urgency: 'outcome',
      bytes: RELEASE_BYTES,
      deadlineAt: performance.now() + RELEASE_DEADLINE_MS,
    });
  } catch (error) {
    logger.warn({ traceId: taskId, fence, why: reason(error) }, 'claim not released');
  }
}

/**
 * What the session was assigned and has never begun. Its slots stay taken until it answers: it may begin after all, and is fenced then.
 * @param except claims that it says it has
 */
export function releaseUnbegun(
  writer: TaskWriter,
  logger: Logger,
  session: WorkSession,
  except: readonly Claim[] = [],
): void {
  const named = new Set(except.map(({ task, fence }) => heldKey(task, fence)));
  for (const [key, held] of session.held) {
    if (held.stage !== 'assigned' || named.has(key)) continue;
    held.stage = 'released';
    void releaseClaim(writer, logger, held.taskId, held.fence);
  }
}
