import type { Assigned, Claim, OrchestratorMessage } from '@morningai/rpc/worker';
import type { AppError } from '@morningai/core/errors';
import type { Member } from '../domain/roster.ts';

export type Held = {
  readonly taskId: string;
  readonly fence: number;
  readonly agent: string;
  /** Of this life so far: the backoff of the next retry follows them. */
  readonly failures: number;
  /**
   * From `begun` on a vanished worker is a failure of the attempt; what was `released` is somebody else's by now. `fenced`: it came back
   * with a claim that it had lost, and has a slot taken by it until it says that it has stopped.
   */
  stage: 'assigned' | 'begun' | 'released' | 'fenced';
  /**
   * Whether Postgres knows that it was begun, so that it is known also when this process dies: a row in `leases`. Not at once:
   * most attempts end before it is worth a row.
   */
  evidence: 'none' | 'due' | 'asked';
  /** Its outcome is being recorded: the answer to that says how it ended. */
  settling: boolean;
  /** The worker was told that the task is to be cancelled. */
  cancelTold: boolean;
};

/** One worker's stream, as the dispatcher sees it. */
export type WorkSession = Member & {
  /** False once its stream has ended. */
  open: boolean;
  readonly joinedAt: Date;
  /** When something last came from it, on this process's monotonic clock, ms. */
  heardAt: number;
  /** Agent → how long one attempt may take, ms; those without a limit are missing. */
  readonly timeouts: ReadonlyMap<string, number>;
  /** What it was assigned or still works on, by `heldKey`. The slot is free again when its outcome has come. */
  readonly held: Map<string, Held>;
  send(message: NonNullable<OrchestratorMessage['message']>): void;
  /** Ends its stream with a coded error. */
  end(error: AppError): void;
};

export function claimOf(task: string, fence: number): Claim {
  return { task, fence };
}

export function heldKey(taskId: string, fence: number): string {
  return `${taskId}/${fence}`;
}

export function heldOf(session: WorkSession, claim: { readonly taskId: string; readonly fence: number }) {
  return session.held.get(heldKey(claim.taskId, claim.fence));
}

/** @param stage `begun` for what a worker says that it works on */
export function hold(
  session: WorkSession,
  claim: Pick<Held, 'taskId' | 'fence' | 'agent' | 'failures'>,
  stage: Held['stage'],
): void {
  const { taskId, fence, agent, failures } = claim;
  const held: Held = { taskId, fence, agent, failures, stage, evidence: 'none', settling: false, cancelTold: false };
  session.held.set(heldKey(taskId, fence), held);
}

export function assign(session: WorkSession, assigned: Assigned & { claim: Claim }, failures: number): void {
  const { claim, agent } = assigned;
  hold(session, { taskId: claim.task, fence: claim.fence, agent, failures }, 'assigned');
  session.send({ $case: 'assigned', value: assigned });
}

/** If it holds the claim: that it does no more. Its slot is taken until it says that it has stopped. */
export function tellFenced(
  session: WorkSession,
  claim: { readonly taskId: string; readonly fence: number },
  reason: string,
): void {
  if (!session.open || heldOf(session, claim) === undefined) return;
  session.send({ $case: 'fenced', value: { claim: claimOf(claim.taskId, claim.fence), reason } });
}
