import type { Assigned, Claim, OrchestratorMessage } from '@morningai/rpc/worker';
import type { AppError } from '@morningai/core/errors';
import type { Member } from '../domain/roster.ts';

export type Held = {
  readonly fence: number;
  readonly agent: string;
  /** Of this life so far: the backoff of the next retry follows them. */
  readonly failures: number;
  /** The worker has said that it has begun: from then on a vanished worker is a failure of the attempt. */
  begun: boolean;
  /** The worker was told that the task is to be cancelled. */
  cancelTold?: true;
};

/** One worker's stream, as the dispatcher sees it. */
export type WorkSession = Member & {
  /** False once its stream has ended. */
  open: boolean;
  readonly joinedAt: Date;
  /** When something last came from it, on this process's monotonic clock, ms. */
  heardAt: number;
  /** What it was assigned or still works on, by task. The slot is free again when its outcome has come. */
  readonly held: Map<string, Held>;
  send(message: NonNullable<OrchestratorMessage['message']>): void;
  /** Ends its stream with a coded error. */
  end(error: AppError): void;
};

export function claimOf(task: string, fence: number): Claim {
  return { task, fence };
}

export function assign(session: WorkSession, assigned: Assigned & { claim: Claim }, failures: number): void {
  const { claim, agent } = assigned;
  session.held.set(claim.task, { fence: claim.fence, agent, failures, begun: false });
  session.send({ $case: 'assigned', value: assigned });
}
