import { performance } from 'node:perf_hooks';
import type { CallContext } from '@morningai/rpc/server';

/** The call's deadline on this process's monotonic clock, ms. */
export function deadlineOf(context: CallContext): number {
  return performance.now() + (context.deadline.getTime() - Date.now());
}
