/**
 * Makes sure that it is known which attempts were begun, also when this process dies: a task that kills its workers must not pass for
 * one that nobody ever had. `Begun` is no event, for it would cost each task one; instead what is still held a moment after its
 * Begun gets its lease row early, and what a broken stream leaves behind gets it at once. Only if worker and orchestrator both die
 * within that moment is an attempt taken to be never begun.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Roster } from '../domain/roster.ts';
import { renewHeld, type RenewParts } from './renew-held.ts';
import type { WorkSession } from './work-session.ts';

/** A row is asked for at the second look: an attempt that takes less than one costs nothing. */
const LOOK_MS = 100;

/** Runs until the signal aborts. */
export async function runEvidence(
  parts: RenewParts & { readonly roster: Roster<WorkSession> },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const session of parts.roster.members) {
      const unknown = begunUnknown(session);
      const due = unknown.filter((held) => held.evidence === 'due');
      for (const held of unknown) held.evidence = 'due';
      if (due.length > 0) renewHeld(parts, session, due);
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** For a stream that broke: its worker may be dead. */
export function witnessBegun(parts: RenewParts, session: WorkSession): void {
  const unknown = begunUnknown(session);
  if (unknown.length === 0) return;
  renewHeld(parts, session, unknown);
  parts.heartbeats.flush();
}

function begunUnknown(session: WorkSession) {
  return [...session.held.values()].filter(
    (held) => held.stage === 'begun' && held.evidence !== 'asked' && !held.settling,
  );
}
