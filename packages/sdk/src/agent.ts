/** What an agent is: a name, a version, what it takes, and what it does. */
import { LIMITS } from '@morningai/core/limits';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';

/** A schema that can check a value and describe itself as JSON Schema: zod 4 and others. */
export type InputSchema<Input = unknown> = StandardSchemaV1<unknown, Input> & StandardJSONSchemaV1<unknown, Input>;

export type RetryPolicy = {
  /** Attempts that may fail before the task does. Default 8. */
  readonly maxAttempts?: number;
  /** Attempts that may end without a word from the worker. Default 3. */
  readonly maxCrashes?: number;
  /** The backoff's first and largest step, ms. Defaults 1,000 and 60,000; the wait is a random share of it. */
  readonly baseMs?: number;
  readonly capMs?: number;
};

export type Agent<Input = unknown> = {
  readonly name: string;
  readonly version: string;
  readonly input: InputSchema<Input>;
  readonly retry?: RetryPolicy;
  /** How long a claim holds without a heartbeat, ms. Default 10,000. */
  readonly leaseMs?: number;
  /** How long one attempt may take, ms: 100 to 604,800,000 (7 days). Over it fails with ATTEMPT_TIMEOUT and is retried. Default: none. */
  readonly timeoutMs?: number;
  /** Its value, as JSON, is the task's output. */
  run(ctx: AgentContext, input: Input): Promise<unknown>;
};

export type AgentContext = {
  readonly task: {
    /** UUIDv7; also the trace id. */
    readonly id: string;
    readonly tenant: string;
    readonly agent: string;
    /** The fence of this attempt: rises at every claim. */
    readonly attempt: number;
    readonly labels: Readonly<Record<string, string>>;
  };
  /**
   * Runs once and is recorded: a later attempt gets the recorded value and does not run it again. Steps are known by name and order.
   * Mark what touches the outside world with `effect`: its intent is recorded first, and `key` is the same at every attempt.
   */
  step<T>(name: string, run: (step: StepContext) => Promise<T>, options?: StepOptions): Promise<T>;
  /** Shown to those who watch; not recorded. @param fraction 0 to 1 */
  progress(message: string, fraction?: number): void;
  /**
   * Aborts when the claim is lost, the task is cancelled, the worker closes, or the attempt's time is over. An agent that does not
   * listen is not waited for long: the attempt is ended without it. Cancelled: its reason is an AgentError `TASK_CANCELLED`, and
   * `run` has the grace (10 s unless asked otherwise) to return, which completes the task after all, or to throw.
   */
  readonly signal: AbortSignal;
  readonly log: AgentLog;
};

export type StepContext = {
  /** Aborts with the attempt's signal or the step's time-out. */
  readonly signal: AbortSignal;
  /** Idempotency key of the step's effect: `<task>/<index>/<name>`. */
  readonly key: string;
};

export type StepOptions = {
  /** Default false. */
  readonly effect?: boolean;
  /** Over it the step is aborted, and the attempt fails with STEP_TIMEOUT. Default: none but the attempt's own. */
  readonly timeoutMs?: number;
};

export type AgentLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** @example defineAgent({ name: 'hello', version: '1', input: z.object({ who: z.string() }), run: async (ctx, { who }) => `Hello ${who}` }) */
export function defineAgent<Input>(agent: Agent<Input>): Agent<Input> {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(agent.name)) {
    throw new TypeError(`an agent's name is lower-case letters, digits and "-", at most 63: "${agent.name}"`);
  }
  const { timeoutMs } = agent;
  if (timeoutMs !== undefined && !isTimeout(timeoutMs)) {
    throw new TypeError(
      `timeoutMs is ${LIMITS.timeoutMinMs} to ${LIMITS.timeoutMaxMs}, in whole milliseconds: ${timeoutMs}`,
    );
  }
  if (agent.version.length === 0 || agent.version.length > 64) throw new TypeError('an agent needs a version');
  return agent;
}

function isTimeout(ms: number): boolean {
  return Number.isInteger(ms) && ms >= LIMITS.timeoutMinMs && ms <= LIMITS.timeoutMaxMs;
}

/** A failure that an agent explains. Anything else it throws is retried as AGENT_ERROR. */
export class AgentError extends Error {
  /** The agent's own code, shown as the task's `error.code`. */
  readonly code: string;
  readonly notRetryable: boolean;
  /** Wait this long, ms, instead of the backoff. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { readonly notRetryable?: boolean; readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const { retryAfterMs = 0 } = options;
    if (!(retryAfterMs >= 0 && retryAfterMs <= LIMITS.dueInMs)) {
      throw new RangeError(`retryAfterMs is 0 to ${LIMITS.dueInMs}, not ${retryAfterMs}`, { cause: options.cause });
    }
    this.name = 'AgentError';
    this.code = code;
    this.notRetryable = options.notRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * A failure that no further attempt would mend: the task fails at once.
 * @example throw new NotRetryable('NO_SUCH_REPOSITORY', `there is no ${repository}`)
 */
export class NotRetryable extends AgentError {
  constructor(code: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, message, { ...options, notRetryable: true });
    this.name = 'NotRetryable';
  }
}

/**
 * A failure that is worth another attempt after a known time, as a 429 says it: instead of the backoff.
 * @example throw new RetryAfter(30_000, 'RATE_LIMITED', 'the model answers 429')
 */
export class RetryAfter extends AgentError {
  constructor(retryAfterMs: number, code: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, message, { ...options, retryAfterMs });
    this.name = 'RetryAfter';
  }
}
