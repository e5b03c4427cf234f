/**
 * Tells the worker that holds an attempt that it was asked to stop, and that it was cut. At once where this process wrote it; what another
 * orchestrator wrote comes with the answer to the worker's next heartbeat. A notice that is lost costs the grace, and nothing else.
 */
import type { Written } from '@morningai/log/task-writer';
import type { Roster } from '../domain/roster.ts';
import { durationOf } from '../rpc/duration.ts';
import { claimOf, heldOf, tellFenced, type WorkSession } from './work-session.ts';

/** After the commit. */
export function noticeWritten(roster: Roster<WorkSession>, { taskId, state, events }: Written): void {
  for (const event of events) {
    if (event.type === 'TaskCancelRequested') {
      const { fence, ...cancel } = event.data;
      for (const session of roster.members) tellCancelled(session, { taskId, fence }, cancel);
    } else if (event.type === 'TaskCancelled' && state.status === 'cancelled' && state.ended === 'cut') {
      for (const session of roster.members) tellFenced(session, { taskId, fence: state.fence }, state.cancelReason);
    }
  }
}

/** Once per claim and stream. */
export function tellCancelled(
  session: WorkSession,
  { taskId, fence }: { readonly taskId: string; readonly fence: number },
  cancel: { readonly reason: string; readonly graceMs: number },
): void {
  const held = heldOf(session, { taskId, fence });
  if (held === undefined || held.cancelTold) return;
  held.cancelTold = true;
  const { reason, graceMs } = cancel;
  session.send({ $case: 'cancel', value: { claim: claimOf(taskId, fence), reason, grace: durationOf(graceMs) } });
}
