/** Why a task is where it is, from what is known at one moment. Pure. Times are ms since 1970, by Postgres' clock. */
import type { State } from '@morningai/core/task';

export type WhyReason =
  | 'DUE_NOW'
  | 'DUE_LATER'
  | 'RETRY_LATER'
  | 'NO_WORKER'
  | 'NO_FREE_SLOT'
  | 'LIMIT_REACHED'
  | 'RUNNING'
  | 'WORKER_SILENT'
  | 'CANCELLING'
  | 'EXPIRED'
  | 'FINISHED';

export type WhyAnswer = {
  readonly reason: WhyReason;
  readonly text: string;
  readonly sinceMs: number;
  readonly details: Readonly<Record<string, unknown>>;
};

export type WhyFacts = {
  readonly nowMs: number;
  readonly state: Exclude<State, { status: 'none' }>;
  readonly updatedAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Queued: when it is due. Running: when its first lease ends, or the grace of its cancellation. */
  readonly wakeAtMs: number;
  readonly expiresAtMs: number | null;
  /** Of the attempt that runs, as renewed. */
  readonly leaseUntilMs: number | null;
  /** How its last attempt ended, if that was the last thing that happened. */
  readonly lastFailure: { readonly code: string; readonly message: string } | null;
  /** What must hold for it to start. */
  readonly limits: readonly { readonly key: string; readonly value: number; readonly max: number }[];
  /** Of its agent, at this orchestrator. */
  readonly workers: {
    readonly connected: number;
    readonly slots: number;
    readonly free: number;
    /** Slots of its agent at other orchestrators. How many of those are free is not known here. */
    readonly elsewhere: number;
    /** When a worker last said Hello with this agent, to any orchestrator. */
    readonly lastSeenMs: number | null;
  };
  /** Due tasks of its agent and tenant that come before it; tenants take turns. */
  readonly ahead: number;
  /** Since when nothing was heard of the worker that runs it; null: it is not connected here. */
  readonly silentMs: number | null;
  /** A worker of which nothing is heard for so long is silent. */
  readonly silentFromMs: number;
};

export function whyTask(facts: WhyFacts): WhyAnswer {
  switch (facts.state.status) {
    case 'queued':
      return whyQueued(facts);
    case 'running':
      return whyRunning(facts, facts.state);
    case 'completed':
      return finished(facts, 'it is completed', {});
    case 'failed':
      return finished(facts, `it failed: ${facts.state.error.code}`, { error: facts.state.error });
    case 'cancelled':
      return finished(facts, `it was cancelled: ${facts.state.cancelReason}`, {
        cancelReason: facts.state.cancelReason,
      });
    default:
      return facts.state satisfies never;
  }
}

/** What holds a queued task, the nearest cause first. Pauses will come before limits. */
function whyQueued(facts: WhyFacts): WhyAnswer {
  const { nowMs, state, wakeAtMs, expiresAtMs, workers, ahead } = facts;
  const { agent, failures, maxAttempts } = state;
  if (expiresAtMs !== null && expiresAtMs <= nowMs) {
    const expiredAt = iso(expiresAtMs);
    return {
      reason: 'EXPIRED',
      text: `it expired at ${expiredAt} and will not start`,
      sinceMs: expiresAtMs,
      details: { expiredAt },
    };
  }
  if (wakeAtMs > nowMs) return whyLater(facts);
  const due = { sinceMs: wakeAtMs };
  const limit = facts.limits.find(({ value, max }) => value >= max);
  if (limit !== undefined) {
    const { key, value, max } = limit;
    return { ...due, reason: 'LIMIT_REACHED', text: `${value} of ${max} are running: ${key}`, details: limit };
  }
  if (workers.connected === 0 && workers.elsewhere === 0) {
    const seen =
      workers.lastSeenMs === null ? 'has ever offered it' : `is connected; the last came at ${iso(workers.lastSeenMs)}`;
    const lastSeenAt = workers.lastSeenMs === null ? null : iso(workers.lastSeenMs);
    return {
      ...due,
      reason: 'NO_WORKER',
      text: `no worker for the agent "${agent}" ${seen}`,
      details: { agent, lastSeenAt },
    };
  }
  const line = { agent, ahead, slots: workers.slots, freeSlots: workers.free, slotsElsewhere: workers.elsewhere };
  const behind = ahead === 0 ? '' : `; ${ahead} due tasks come before it`;
  if (workers.connected === 0) {
    const text = `nothing: due now at other orchestrators, which have ${workers.elsewhere} slots for "${agent}"${behind}`;
    return { ...due, reason: 'DUE_NOW', text, details: { ...line, failures, maxAttempts } };
  }
  if (workers.free === 0) {
    const others = workers.elsewhere === 0 ? '' : `, ${workers.elsewhere} more are at other orchestrators`;
    const text = `all ${workers.slots} slots for "${agent}" are taken${others}; ${ahead} due tasks come before it`;
    return { ...due, reason: 'NO_FREE_SLOT', text, details: line };
  }
  return { ...due, reason: 'DUE_NOW', text: `nothing: due now${behind}`, details: { ...line, failures, maxAttempts } };
}

function whyLater({ wakeAtMs, updatedAtMs, lastFailure, state }: WhyFacts): WhyAnswer {
  const dueAt = iso(wakeAtMs);
  if (lastFailure === null) {
    return { reason: 'DUE_LATER', text: `it is due at ${dueAt}`, sinceMs: updatedAtMs, details: { dueAt } };
  }
  const { failures, maxAttempts } = state;
  const text = `retry at ${dueAt} after ${lastFailure.code}; ${failures} of ${maxAttempts} attempts failed`;
  return {
    reason: 'RETRY_LATER',
    text,
    sinceMs: updatedAtMs,
    details: { dueAt, error: lastFailure, failures, maxAttempts },
  };
}

function whyRunning(facts: WhyFacts, state: WhyFacts['state'] & { status: 'running' }): WhyAnswer {
  const { nowMs, wakeAtMs, silentMs } = facts;
  const { worker, fence } = state;
  const sinceMs = facts.startedAtMs ?? facts.updatedAtMs;
  if (state.cancelReason !== undefined) {
    const until = iso(wakeAtMs);
    const details = { worker, fence, cancelReason: state.cancelReason, until };
    return { reason: 'CANCELLING', text: `${worker} was told to stop, and may until ${until}`, sinceMs, details };
  }
  const leaseMs = Math.max(wakeAtMs, facts.leaseUntilMs ?? 0);
  const leaseUntil = iso(leaseMs);
  const details = { worker, fence, leaseUntil, isConnected: silentMs !== null, silentMs };
  if (leaseMs <= nowMs || (silentMs !== null && silentMs > facts.silentFromMs)) {
    const text = `it is with ${worker}, which is silent; its lease ${leaseMs <= nowMs ? 'ended' : 'ends'} at ${leaseUntil}`;
    return { reason: 'WORKER_SILENT', text, sinceMs, details };
  }
  return { reason: 'RUNNING', text: `it runs on ${worker}, lease until ${leaseUntil}`, sinceMs, details };
}

function finished(facts: WhyFacts, text: string, details: Readonly<Record<string, unknown>>): WhyAnswer {
  return { reason: 'FINISHED', text, sinceMs: facts.finishedAtMs ?? facts.updatedAtMs, details };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
