import { DEFAULTS } from '@morningai/core/limits';
import type { AgentCatalog } from '../agent-catalog.ts';
import { tellCancelled } from './cancel-notices.ts';
import type { Heartbeats } from './heartbeats.ts';
import { heldOf, tellFenced, type Held, type WorkSession } from './work-session.ts';

export type RenewParts = { readonly heartbeats: Heartbeats; readonly catalog: AgentCatalog };

/** Renews the leases of what the worker holds; it is told of those it has lost. */
export function renewHeld({ heartbeats, catalog }: RenewParts, session: WorkSession, held: readonly Held[]): void {
  const renewals = held.map((one) => {
    one.evidence = 'asked';
    const leaseMs = catalog.known(one.agent)?.leaseMs ?? DEFAULTS.leaseMs;
    return { taskId: one.taskId, fence: one.fence, leaseMs };
  });
  heartbeats.beat({
    renewals,
    onLost(lost) {
      // What has just been recorded is no longer running either: the answer to the outcome says so.
      if (!heldOf(session, lost)?.settling) tellFenced(session, lost, 'the lease has run out');
    },
    onCancelled: (claim, cancel) => tellCancelled(session, claim, cancel),
  });
}
