import type { Assigned } from '@morningai/rpc/worker';
import { durationOf } from '../rpc/duration.ts';

/** What a worker is told of how long the attempt may take. @param startedAt by Postgres' clock */
export function timeLimit(
  timeoutMs: number | undefined,
  startedAt: Date | null,
): Pick<Assigned, 'deadline' | 'timeout'> {
  if (timeoutMs === undefined) return { deadline: undefined, timeout: undefined };
  return {
    deadline: startedAt === null ? undefined : new Date(startedAt.getTime() + timeoutMs),
    timeout: durationOf(timeoutMs),
  };
}
