import type { CallContext } from '@morningai/rpc/server';
import type { BulkResult, CancelTasksRequest } from '@morningai/rpc/tasks';
import { selectionOf } from '../domain/task-selection.ts';
import { runBulk } from './bulk.ts';
import { cancelCommand } from './cancel-task.ts';
import type { Parts } from './parts.ts';

export async function cancelTasks(
  parts: Parts,
  request: CancelTasksRequest,
  context: CallContext,
): Promise<BulkResult> {
  const { tenant, filter, reason, grace, dryRun } = request;
  const selection = selectionOf(tenant, filter, 'open');
  return runBulk(
    parts,
    { among: 'open', selection, command: cancelCommand(reason, grace), limits: [], dryRun },
    context,
  );
}
