import type { Assigned, Claim, OrchestratorMessage } from '@morningai/rpc/worker';
import type { Member } from '../domain/roster.ts';

export type Held = {
  readonly fence: number;
  readonly agent: string;
  /** Of this life so far: the backoff of the next retry follows them. */
  readonly failures: number;
};

/** One worker's stream, as the dispatcher sees it. */
export type WorkSession = Member & {
  /** False once its stream has ended. */
  open: boolean;
  /** What it was assigned or still works on, by task. The slot is free again when its outcome has come. */
  readonly held: Map<string, Held>;
  send(message: NonNullable<OrchestratorMessage['message']>): void;
};

export function claimOf(task: string, fence: number): Claim {
  return { task, fence };
}

export function assign(session: WorkSession, assigned: Assigned & { claim: Claim }, failures: number): void {
  const { claim, agent } = assigned;
  session.held.set(claim.task, { fence: claim.fence, agent, failures });
  session.send({ $case: 'assigned', value: assigned });
}
