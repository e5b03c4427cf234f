import { openTasksKey } from '@morningai/core/task-projection';
import type { CallContext } from '@morningai/rpc/server';
import type { BulkResult, RetryFailedRequest } from '@morningai/rpc/tasks';
import { selectionOf } from '../domain/task-selection.ts';
import { runBulk } from './bulk.ts';
import type { Parts } from './parts.ts';

export async function retryFailed(
  parts: Parts,
  request: RetryFailedRequest,
  context: CallContext,
): Promise<BulkResult> {
  const { tenant, filter, dryRun } = request;
  const selection = selectionOf(tenant, filter, 'failed');
  const command = { type: 'Retry', life: null, dueInMs: 0 } as const;
  const limits = [{ key: openTasksKey(tenant), max: parts.maxOpenTasks }];
  return runBulk(parts, { among: 'failed', selection, command, limits, dryRun }, context);
}
