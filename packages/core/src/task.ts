/**
 * The task: what may happen to it, and in which order. Pure: no clock, no ids, no I/O. Durations in events count from the
 * time at which Postgres recorded them.
 */
import { AppError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Event, Failure, Json, Lane, Submission } from './task-events.ts';

export { isKnownEvent, isOutcome } from './task-events.ts';
export type { Event, Failure, Json, Lane, Submission };

// Commands: what somebody asks for.

export type Command =
  | ({ readonly type: 'Submit' } & Submission)
  | {
      readonly type: 'Start';
      readonly claimId: string;
      readonly worker: string;
      readonly agentVersion: string;
      readonly lane?: Lane;
      readonly leaseMs: number;
      readonly timeoutMs?: number;
    }
  | { readonly type: 'Release'; readonly fence: number }
  | {
      readonly type: 'StartStep';
      readonly fence: number;
      readonly index: number;
      readonly step: string;
      readonly effectKey: string;
    }
  | {
      readonly type: 'CompleteStep';
      readonly fence: number;
      readonly index: number;
      readonly step: string;
      readonly output: Json;
    }
  | { readonly type: 'Complete'; readonly fence: number; readonly output: Json }
  /** `retryInMs` null: not retryable. */
  | { readonly type: 'Fail'; readonly fence: number; readonly error: Failure; readonly retryInMs: number | null }
  /** `begun`: the worker was heard of since the claim; the task's own steps say so too. */
  | { readonly type: 'Expire'; readonly fence: number; readonly retryInMs: number; readonly begun: boolean }
  /** What does not run ends at once; what runs has `graceMs` to complete or to give up. */
  | { readonly type: 'Cancel'; readonly reason: string; readonly graceMs: number }
  /** The grace of this attempt is over. */
  | { readonly type: 'CutCancelled'; readonly fence: number }
  /** `life`: the one that failed, which makes a repeat known as one; null: whichever it is. */
  | { readonly type: 'Retry'; readonly life: number | null; readonly dueInMs: number }
  /** Its `expiresAt` has come. */
  | { readonly type: 'ExpireTask' };

// State: what the next decision needs, and no more (no input, no outputs: those stay in the log).

/** The fence rises at every claim and never falls; failures and crashes are counted per life. */
type Life = {
  readonly agent: string;
  /** Absent: any number of such tasks may run at once. */
  readonly concurrencyKey?: string;
  readonly requestDigest: string;
  readonly life: number;
  readonly fence: number;
  readonly failures: number;
  readonly crashes: number;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  readonly events: number;
  readonly steps: number;
  /** The index of a step whose intent is recorded and whose outcome is not, or null. */
  readonly openStep: number | null;
  /** Length of all recorded step outputs as JSON, in UTF-16 units. */
  readonly stepLength: number;
  /** Whose claim the current fence is: a Start that comes once more after its attempt ended must not begin another. */
  readonly claimId: string | null;
  /** How the attempt of the current fence ended: tells a repeat ("recorded") from a zombie ("fenced"). */
  readonly ended: AttemptEnd | null;
  /** The same of the fence before it: its outcome may be sent once more after the next claim. */
  readonly endedBefore: AttemptEnd | null;
  /** The current attempt has recorded something: it was begun. */
  readonly begun: boolean;
  /** The newest attempts of this life that ended without a word, as "worker (fence)"; missing: none. */
  readonly lost?: readonly string[];
};

type AttemptEnd = 'completed' | 'failed' | 'expired' | 'released' | 'cut';

export type State =
  | { readonly status: 'none' }
  | ({ readonly status: 'queued' } & Life)
  | ({
      readonly status: 'running';
      readonly claimId: string;
      readonly worker: string;
      /** There once its cancellation was asked for. */
      readonly cancelReason?: string;
      readonly timeoutMs?: number;
    } & Life)
  | ({ readonly status: 'completed' } & Life)
  | ({ readonly status: 'failed'; readonly error: Failure } & Life)
  | ({ readonly status: 'cancelled'; readonly cancelReason: string } & Life);

export type Status = Exclude<State['status'], 'none'>;

export const INITIAL: State = { status: 'none' };

/** A finished task takes nothing more in this life. */
export function isFinished(state: State): boolean {
  return state.status === 'completed' || state.status === 'failed' || state.status === 'cancelled';
}

// Evolve: never throws, for history must always load.

export function evolve(state: State, event: Event): State {
  const life = lifeOf(state);
  life.events += 1;
  switch (event.type) {
    case 'TaskSubmitted': {
      const { agent, requestDigest, maxAttempts, maxCrashes, concurrencyKey } = event.data;
      const key = concurrencyKey == null ? {} : { concurrencyKey };
      return { ...life, status: 'queued', agent, ...key, requestDigest, maxAttempts, maxCrashes, life: life.life + 1 };
    }
    case 'AttemptStarted': {
      const { fence, claimId, worker, timeoutMs } = event.data;
      const attempt = { fence, claimId, worker, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      return {
        ...life,
        ...attempt,
        status: 'running',
        openStep: null,
        ended: null,
        endedBefore: life.ended,
        begun: false,
      };
    }
    case 'AttemptReleased':
      return { ...life, status: 'queued', ended: 'released' };
    case 'StepStarted':
      return state.status === 'running'
        ? { ...counted(state), openStep: event.data.index, begun: true }
        : counted(state);
    case 'StepCompleted': {
      if (state.status !== 'running') return counted(state);
      // The log drops an output that is undefined.
      const { index, output }: { index: number; output?: Json } = event.data;
      const stepLength = state.stepLength + JSON.stringify(output ?? null).length;
      return { ...counted(state), steps: index + 1, openStep: null, stepLength, begun: true };
    }
    case 'AttemptFailed':
      return { ...life, status: 'queued', failures: life.failures + 1, ended: 'failed' };
    case 'AttemptExpired': {
      const [failures, crashes] = [life.failures + 1, life.crashes + 1];
      const lost = [...(life.lost ?? []), attemptName(state, event.data.fence)].slice(-LIMITS.lostNamed);
      return { ...life, status: 'queued', failures, crashes, lost, ended: 'expired' };
    }
    case 'TaskCompleted':
      return { ...life, status: 'completed', ended: 'completed' };
    case 'TaskFailed':
      return { ...life, status: 'failed', error: event.data.error };
    case 'TaskCancelRequested':
      return state.status === 'running' ? { ...counted(state), cancelReason: event.data.reason } : counted(state);
    case 'TaskCancelled': {
      const ended = state.status === 'running' ? 'cut' : life.ended;
      return { ...life, status: 'cancelled', cancelReason: event.data.reason, ended };
    }
    case 'TaskRetried':
      return { ...life, status: 'queued', life: life.life + 1, failures: 0, crashes: 0, lost: [] };
    default:
      event satisfies never;
      // An event of a newer release: its meaning is not ours to guess, so the state stays as it is.
      return counted(state);
  }
}

function counted<S extends State>(state: S): S {
  return state.status === 'none' ? state : { ...state, events: state.events + 1 };
}

function attemptName(state: State, fence: number): string {
  return `${state.status === 'running' ? state.worker : 'nobody'} (${fence})`;
}

/** The state after all of these events. */
export function fold(events: readonly Event[]): State {
  return events.reduce(evolve, INITIAL);
}

// Decide: [] for a repeat, a coded error for a refusal.

export function decide(command: Command, state: State): readonly Event[] {
  switch (command.type) {
    case 'Submit':
      return decideSubmit(command, state);
    case 'Start': {
      // A stale or double ticket dies here. A repeat after a lost reply finds its own claimId in the state.
      if (state.status !== 'queued' || state.claimId === command.claimId) return [];
      const { agentVersion, claimId, lane, leaseMs, timeoutMs, worker } = command;
      const by = lane === undefined ? {} : { lane };
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      // In the order of its keys: so the log stores it (RFC 8785), and needs not sort it.
      const data = { agentVersion, claimId, fence: state.fence + 1, ...by, leaseMs, ...limit, worker };
      return [{ type: 'AttemptStarted', data }];
    }
    case 'Release':
      return holdsClaim(state, command.fence, 'released')
        ? [{ type: 'AttemptReleased', data: { fence: command.fence } }, ...cancellation(state)]
        : [];
    case 'StartStep':
    case 'CompleteStep':
      return decideStep(command, state);
    case 'Complete':
      return holdsClaim(state, command.fence, 'completed')
        ? [{ type: 'TaskCompleted', data: { fence: command.fence, output: command.output } }]
        : [];
    case 'Fail':
      return decideFail(command, state);
    case 'Expire':
      return decideExpire(command, state);
    case 'Cancel':
      return decideCancel(command, state);
    case 'CutCancelled':
      return state.status === 'running' && state.fence === command.fence ? cancellation(state) : [];
    case 'Retry':
      return decideRetry(command, state);
    case 'ExpireTask': {
      // A running attempt may finish. If it fails, it is queued, and found here again.
      if (state.status !== 'queued') return [];
      const error = { code: 'TASK_EXPIRED', message: 'it was not finished by its expiresAt' };
      return [{ type: 'TaskFailed', data: { error } }];
    }
    default:
      return command satisfies never;
  }
}

function decideSubmit(command: Command & { type: 'Submit' }, state: State): readonly Event[] {
  if (state.status === 'none') {
    const { type: _, ...data } = command;
    return [{ type: 'TaskSubmitted', data }];
  }
  if (state.requestDigest === command.requestDigest) return [];
  throw new AppError('IDEMPOTENCY_MISMATCH', 'this task id was submitted before with another request');
}

function decideStep(command: Command & { type: 'StartStep' | 'CompleteStep' }, state: State): readonly Event[] {
  if (state.status !== 'running' || state.fence !== command.fence) throw fenced(command.fence);
  if (command.index < state.steps) return [];
  if (command.index > state.steps) {
    throw new AppError('STEP_OUT_OF_ORDER', `step ${command.index} came before step ${state.steps}`);
  }
  const begun = state.openStep === command.index;
  if (begun && command.type === 'StartStep') return [];
  // What was begun may have had its effect, so its outcome is taken in any case.
  if (!begun && (state.events >= LIMITS.eventsPerTask || state.stepLength >= LIMITS.stepLengthPerTask)) {
    throw new AppError(
      'TASK_TOO_LONG',
      `the task has ${state.events} events, ${state.stepLength} units of step outputs`,
    );
  }
  if (command.type === 'CompleteStep') {
    const { type: _, ...data } = command;
    return [{ type: 'StepCompleted', data }];
  }
  const { type: _, ...data } = command;
  return [{ type: 'StepStarted', data }];
}

function decideFail(command: Command & { type: 'Fail' }, state: State): readonly Event[] {
  if (!holdsClaim(state, command.fence, 'failed')) return [];
  const { fence, error } = command;
  const cancelled = cancellation(state);
  if (cancelled.length > 0) return [{ type: 'AttemptFailed', data: { fence, error, retryInMs: null } }, ...cancelled];
  const last = command.retryInMs === null || lifeOf(state).failures + 1 >= lifeOf(state).maxAttempts;
  if (!last) return [{ type: 'AttemptFailed', data: { fence, error, retryInMs: command.retryInMs } }];
  return [
    { type: 'AttemptFailed', data: { fence, error, retryInMs: null } },
    { type: 'TaskFailed', data: { error } },
  ];
}

function decideExpire(command: Command & { type: 'Expire' }, state: State): readonly Event[] {
  if (state.status !== 'running' || state.fence !== command.fence) return [];
  const { fence } = command;
  const cancelled = cancellation(state);
  if (cancelled.length > 0) return [{ type: 'AttemptExpired', data: { fence, retryInMs: null } }, ...cancelled];
  // Nothing was ever heard of it: its orchestrator died before the worker had it, and that is no failure of the task.
  if (!command.begun && !state.begun) return [{ type: 'AttemptReleased', data: { fence } }];
  const failures = state.failures + 1;
  const crashes = state.crashes + 1;
  if (failures < state.maxAttempts && crashes < state.maxCrashes) {
    return [{ type: 'AttemptExpired', data: { fence, retryInMs: command.retryInMs } }];
  }
  const lost = [...(state.lost ?? []), attemptName(state, fence)].slice(-LIMITS.lostNamed).join(', ');
  const message = `${crashes} attempts ended without a word from their worker: ${lost}; ${failures} failed in all`;
  return [
    { type: 'AttemptExpired', data: { fence, retryInMs: null } },
    { type: 'TaskFailed', data: { error: { code: 'WORKER_LOST', message } } },
  ];
}

function decideCancel({ reason, graceMs }: Command & { type: 'Cancel' }, state: State): readonly Event[] {
  switch (state.status) {
    case 'none':
      throw new AppError('TASK_NOT_FOUND', 'there is no such task');
    case 'queued':
      return [{ type: 'TaskCancelled', data: { reason } }];
    case 'running':
      if (state.cancelReason !== undefined) return [];
      return [{ type: 'TaskCancelRequested', data: { fence: state.fence, reason, graceMs } }];
    case 'cancelled':
      return [];
    default:
      throw new AppError('TASK_FINISHED', `the task has ${state.status}: there is nothing to cancel`);
  }
}

function decideRetry({ life, dueInMs }: Command & { type: 'Retry' }, state: State): readonly Event[] {
  if (state.status === 'none') throw new AppError('TASK_NOT_FOUND', 'there is no such task');
  if (life !== null && life < state.life) return [];
  if (state.status === 'failed' && (life === null || life === state.life)) {
    return [{ type: 'TaskRetried', data: { dueInMs } }];
  }
  throw new AppError(
    'TASK_NOT_FAILED',
    `the task is ${state.status} in its life ${state.life}: only a failed one is retried`,
  );
}

/** The cancellation that was asked for, if it was: it takes the place of a retry, and of a failure. */
function cancellation(state: State): readonly Event[] {
  if (state.status !== 'running' || state.cancelReason === undefined) return [];
  return [{ type: 'TaskCancelled', data: { reason: state.cancelReason } }];
}

/**
 * True if this fence holds the claim; false if it ended in this very way already (sent again after a lost reply), also when the
 * next attempt has begun meanwhile.
 */
function holdsClaim(state: State, fence: number, end: AttemptEnd): boolean {
  if (state.status === 'none') throw fenced(fence);
  if (fence === state.fence - 1 && state.endedBefore === end) return false;
  if (fence !== state.fence) throw fenced(fence);
  if (state.status === 'running') return true;
  if (state.ended === end) return false;
  throw fenced(fence);
}

function fenced(fence: number): AppError {
  return new AppError('FENCED', `fence ${fence} does not hold the claim`);
}

const UNBORN: Life = {
  agent: '',
  requestDigest: '',
  life: 0,
  fence: 0,
  failures: 0,
  crashes: 0,
  maxAttempts: 1,
  maxCrashes: 1,
  events: 0,
  steps: 0,
  openStep: null,
  stepLength: 0,
  claimId: null,
  ended: null,
  endedBefore: null,
  begun: false,
};

function lifeOf(state: State): { -readonly [Key in keyof Life]: Life[Key] } {
  if (state.status === 'none') return { ...UNBORN };
  const life: ReturnType<typeof lifeOf> = {
    agent: state.agent,
    requestDigest: state.requestDigest,
    life: state.life,
    fence: state.fence,
    failures: state.failures,
    crashes: state.crashes,
    maxAttempts: state.maxAttempts,
    maxCrashes: state.maxCrashes,
    events: state.events,
    steps: state.steps,
    openStep: state.openStep,
    stepLength: state.stepLength,
    claimId: state.claimId,
    ended: state.ended,
    endedBefore: state.endedBefore,
    begun: state.begun,
  };
  if (state.concurrencyKey !== undefined) life.concurrencyKey = state.concurrencyKey;
  if (state.lost !== undefined) life.lost = state.lost;
  return life;
}
