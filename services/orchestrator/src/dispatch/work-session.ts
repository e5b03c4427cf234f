import type { Assigned, Claim, OrchestratorMessage } from '@morningai/rpc/worker';
import type { Member } from '../domain/roster.ts';

/** One worker's stream, as the dispatcher sees it. */
export type WorkSession = Member & {
  /** False once its stream has ended. */
  open: boolean;
  /** What it was assigned or still works on, by task. The slot is free again when its outcome has come. */
  readonly held: Map<string, { readonly fence: number; readonly agent: string }>;
  send(message: NonNullable<OrchestratorMessage['message']>): void;
};

export function claimOf(task: string, fence: number): Claim {
  return { task, fence };
}

export function assign(session: WorkSession, assigned: Assigned & { claim: Claim }): void {
  session.held.set(assigned.claim.task, { fence: assigned.claim.fence, agent: assigned.agent });
  session.send({ $case: 'assigned', value: assigned });
}
