/**
 * Tells the worker that holds an attempt that it was asked to stop, and that it was cut. At once where this process wrote it; what another
 * orchestrator wrote comes with the answer to the worker's next heartbeat. A notice that is lost costs the grace, and nothing else.
 */
import type { Written } from '@morningai/log/task-writer';
import type { Roster } from '../domain/roster.ts';
import { claimOf, type WorkSession } from './work-session.ts';

/** After the commit. */
export function noticeWritten(roster: Roster<WorkSession>, { taskId, state, events }: Written): void {
  for (const event of events) {
    if (event.type === 'TaskCancelRequested') {
      const { fence, ...cancel } = event.data;
      for (const session of roster.members) tellCancelled(session, { taskId, fence }, cancel);
    } else if (event.type === 'TaskCancelled' && state.status === 'cancelled' && state.ended === 'cut') {
      for (const session of roster.members.filter(({ held }) => held.get(taskId)?.fence === state.fence)) {
        session.send({ $case: 'fenced', value: { claim: claimOf(taskId, state.fence), reason: state.cancelReason } });
      }
    }
  }
}

/** Once per claim and stream. */
export function tellCancelled(
  session: WorkSession,
  { taskId, fence }: { readonly taskId: string; readonly fence: number },
  cancel: { readonly reason: string; readonly graceMs: number },
): void {
  const held = session.held.get(taskId);
  if (held?.fence !== fence || held.cancelTold) return;
  held.cancelTold = true;
  const { reason, graceMs } = cancel;
  const grace = { seconds: BigInt(Math.floor(graceMs / 1_000)), nanos: (graceMs % 1_000) * 1_000_000 };
  session.send({ $case: 'cancel', value: { claim: claimOf(taskId, fence), reason, grace } });
}
