/** What may have happened to a task: facts, never changed, never removed. Durations count from the time they were recorded. */

/** JSON as the log can keep it: no NUL, no lone surrogate, no number outside a double. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Failure = { readonly code: string; readonly message: string };

export type Submission = {
  readonly agent: string;
  readonly input: Json;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  readonly dueInMs: number;
  readonly expiresInMs: number | null;
  readonly concurrencyKey: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | null;
  /** sha256 (hex) of the request as the caller made it: tells a repeat from a reuse of its key. */
  readonly requestDigest: string;
};

type Attempt = { readonly fence: number };

/** How a claim came about: by a ticket, by a look into the log, or with neither, when the task became due where a slot was free. */
export type Lane = 'queue' | 'log' | 'direct';

export type Event =
  | { readonly type: 'TaskSubmitted'; readonly data: Submission }
  | {
      readonly type: 'AttemptStarted';
      readonly data: Attempt & {
        readonly claimId: string;
        readonly worker: string;
        readonly agentVersion: string;
        /** Missing in what an older release wrote. */
        readonly lane?: Lane;
        readonly leaseMs: number;
        /** How long the attempt may take; missing: as long as it likes. */
        readonly timeoutMs?: number;
      };
    }
  | { readonly type: 'AttemptReleased'; readonly data: Attempt }
  | {
      readonly type: 'StepStarted';
      readonly data: Attempt & { readonly index: number; readonly step: string; readonly effectKey: string };
    }
  | {
      readonly type: 'StepCompleted';
      readonly data: Attempt & { readonly index: number; readonly step: string; readonly output: Json };
    }
  | {
      readonly type: 'AttemptFailed';
      readonly data: Attempt & { readonly error: Failure; readonly retryInMs: number | null };
    }
  | { readonly type: 'AttemptExpired'; readonly data: Attempt & { readonly retryInMs: number | null } }
  | { readonly type: 'TaskCompleted'; readonly data: Attempt & { readonly output: Json } }
  | { readonly type: 'TaskFailed'; readonly data: { readonly error: Failure } }
  /** The attempt may go on for `graceMs`; then its claim is cut. What it comes to before that, except a completion, is the cancellation. */
  | {
      readonly type: 'TaskCancelRequested';
      readonly data: Attempt & { readonly reason: string; readonly graceMs: number };
    }
  | { readonly type: 'TaskCancelled'; readonly data: { readonly reason: string } }
  /** The next life of a failed task begins: with the steps it has recorded, and without an expiry. */
  | { readonly type: 'TaskRetried'; readonly data: { readonly dueInMs: number } };

const EVENT_TYPES: Record<Event['type'], true> = {
  TaskSubmitted: true,
  AttemptStarted: true,
  AttemptReleased: true,
  StepStarted: true,
  StepCompleted: true,
  AttemptFailed: true,
  AttemptExpired: true,
  TaskCompleted: true,
  TaskFailed: true,
  TaskCancelRequested: true,
  TaskCancelled: true,
  TaskRetried: true,
};

/** False for the events of a newer release. */
export function isKnownEvent(type: string): type is Event['type'] {
  return Object.hasOwn(EVENT_TYPES, type);
}

/** True if it ends a life of the task. */
export function isOutcome(event: Event): boolean {
  return event.type === 'TaskCompleted' || event.type === 'TaskFailed' || event.type === 'TaskCancelled';
}
