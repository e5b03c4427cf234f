/** One attempt at one task: the agent's run with its context, and what came of it. */
import { LIMITS } from '@morningai/core/limits';
import type { Assigned, Claim, RecordedStep, TaskFailure } from '@morningai/rpc/worker';
import { AgentError, type Agent, type AgentContext, type AgentLog, type StepOptions } from './agent.ts';
import type { Outgoing } from './connection.ts';

export type AttemptParts = {
  readonly agent: Agent;
  readonly assigned: Assigned & { readonly claim: Claim };
  readonly signal: AbortSignal;
  readonly log: AgentLog;
  /** Sends and waits until it is recorded. @throws when the attempt is fenced */
  readonly record: (key: string, message: Outgoing) => Promise<void>;
  /** Sends and forgets. */
  readonly tell: (message: Outgoing) => void;
  readonly readSteps: (claim: Claim) => Promise<readonly RecordedStep[]>;
};

/** @returns the outcome to report */
export async function runAttempt(parts: AttemptParts): Promise<Outgoing> {
  const { agent, assigned } = parts;
  const { claim } = assigned;
  try {
    const input = await parseInput(agent, assigned.inputJson);
    const recorded = assigned.stepCount === 0 ? [] : await parts.readSteps(claim);
    const output = await agent.run(createContext(parts, recorded), input);
    return { $case: 'completed', value: { claim, outputJson: toJson(output) } };
  } catch (error) {
    return { $case: 'failed', value: { claim, failure: toFailure(causeOf(error, parts.signal)) } };
  }
}

/** What an aborted call throws seldom says why; the signal does. */
function causeOf(error: unknown, signal: AbortSignal): unknown {
  return signal.reason instanceof AgentError && !(error instanceof AgentError) ? signal.reason : error;
}

function createContext(parts: AttemptParts, recorded: readonly RecordedStep[]): AgentContext {
  const { assigned, signal, tell } = parts;
  const { claim, tenant, agent, labels } = assigned;
  let next = 0;
  // Steps are known by their order: one asked for while another runs waits for its turn.
  let turn: Promise<unknown> = Promise.resolve();
  // A step that failed has no place in the history, so none can follow it: the next attempt runs it again.
  let failed: { readonly why: unknown } | undefined;
  return {
    task: { id: claim.task, tenant, agent, attempt: claim.fence, labels },
    step(name, run, options = {}) {
      checkName(name);
      const index = next;
      next += 1;
      const result = turn.then(() => {
        if (failed !== undefined) throw failed.why;
        return runStep(parts, { name, index, run, options, recorded: recorded[index] });
      });
      turn = result.catch((why: unknown) => (failed ??= { why }));
      return result;
    },
    progress(message, fraction) {
      tell({ $case: 'progress', value: { claim, message, fraction } });
    },
    signal,
    log: withTrace(parts.log, claim),
  };
}

type Step<T> = {
  readonly name: string;
  readonly index: number;
  readonly run: (step: { readonly signal: AbortSignal; readonly key: string }) => Promise<T>;
  readonly options: StepOptions;
  readonly recorded: RecordedStep | undefined;
};

async function runStep<T>(parts: AttemptParts, step: Step<T>): Promise<T> {
  const { claim } = parts.assigned;
  const { name, index, options, recorded } = step;
  parts.signal.throwIfAborted();
  if (recorded !== undefined && recorded.step !== name) {
    throw new AgentError(
      'HISTORY_MISMATCH',
      `step ${index} was recorded as "${recorded.step}", the code asks for "${name}"`,
      {
        notRetryable: true,
      },
    );
  }
  if (recorded?.outcome?.$case === 'outputJson') return JSON.parse(recorded.outcome.value) as T;

  const key = `${claim.task}/${index}/${name}`;
  // What waits to be recorded belongs to this attempt: a later one on the same worker has its own.
  const record = `${claim.fence}/${key}`;
  if (options.effect && recorded === undefined) {
    await parts.record(`intent/${record}`, {
      $case: 'stepStarting',
      value: { claim, step: name, index, effectKey: key },
    });
    // Asked to stop while that was recorded: what has not begun need not be had.
    parts.signal.throwIfAborted();
  }
  const outputJson = toJson(
    await runInTime(parts.signal, name, options.timeoutMs, (signal) => step.run({ signal, key })),
  );
  const outcome = { $case: 'outputJson', value: outputJson } as const;
  await parts.record(`step/${record}`, {
    $case: 'stepRecorded',
    value: { claim, step: name, index, outcome, usage: undefined },
  });
  // As a later attempt will read it.
  return JSON.parse(outputJson) as T;
}

async function runInTime<T>(
  attempt: AbortSignal,
  name: string,
  timeoutMs: number | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return abortable(run(attempt), attempt);
  if (!(timeoutMs > 0 && timeoutMs <= LIMITS.timeoutMaxMs)) {
    throw new AgentError(
      'STEP_TIMEOUT_INVALID',
      `timeoutMs of "${name}" is 1 to ${LIMITS.timeoutMaxMs}: ${timeoutMs}`,
      {
        notRetryable: true,
      },
    );
  }
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new AgentError('STEP_TIMEOUT', `the step "${name}" took over ${timeoutMs} ms`)),
    timeoutMs,
  );
  const signal = AbortSignal.any([attempt, late.signal]);
  try {
    return await abortable(run(signal), signal);
  } catch (error) {
    throw causeOf(error, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A step that does not listen to its signal is left behind when it aborts. */
function abortable<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

async function parseInput(agent: Agent, inputJson: string): Promise<unknown> {
  const checked = await agent.input['~standard'].validate(JSON.parse(inputJson));
  if (checked.issues === undefined) return checked.value;
  const why = checked.issues.map((issue) => issue.message).join('; ');
  throw new AgentError('INPUT_INVALID', `the input does not fit the agent's schema: ${why}`, { notRetryable: true });
}

/** @throws AgentError OUTPUT_INVALID, OUTPUT_TOO_LARGE */
function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null);
  } catch (cause) {
    throw new AgentError('OUTPUT_INVALID', `the value is not JSON: ${(cause as Error).message}`, {
      notRetryable: true,
      cause,
    });
  }
  if (text === undefined) throw new AgentError('OUTPUT_INVALID', 'the value is not JSON', { notRetryable: true });
  if (Buffer.byteLength(text) > LIMITS.outputBytes) {
    throw new AgentError('OUTPUT_TOO_LARGE', `the value is over ${LIMITS.outputBytes} bytes of JSON`, {
      notRetryable: true,
    });
  }
  return text;
}

function checkName(name: string): void {
  const good = name.length > 0 && name.length <= LIMITS.nameLength && name.isWellFormed() && !name.includes('\0');
  if (good) return;
  throw new AgentError('STEP_NAME_INVALID', `a step's name has 1 to ${LIMITS.nameLength} characters, and no NUL`, {
    notRetryable: true,
  });
}

function toFailure(error: unknown): TaskFailure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, LIMITS.errorMessageLength);
  if (!(error instanceof AgentError)) {
    return { code: 'AGENT_ERROR', message, notRetryable: false, retryAfter: undefined };
  }
  const { notRetryable, retryAfterMs } = error;
  const code = error.code.slice(0, LIMITS.nameLength);
  return { code, message, notRetryable, retryAfter: retryAfterMs === undefined ? undefined : duration(retryAfterMs) };
}

export function duration(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: Math.round(ms % 1_000) * 1_000_000 };
}

/** 0 for an unset one. */
export function milliseconds(duration: { seconds: bigint; nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1e6);
}

function withTrace(log: AgentLog, claim: Claim): AgentLog {
  const trace = { traceId: claim.task, attempt: claim.fence };
  return {
    info: (fields, message) => log.info({ ...fields, ...trace }, message),
    warn: (fields, message) => log.warn({ ...fields, ...trace }, message),
    error: (fields, message) => log.error({ ...fields, ...trace }, message),
  };
}
