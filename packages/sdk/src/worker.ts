/**
 * A worker: hosts agents, has one address (an orchestrator's), and no other. A result is held until the orchestrator says that it is
 * recorded, and is sent again after every reconnect, so restarting an orchestrator loses nothing.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@morningai/core/errors';
import { DEFAULTS } from '@morningai/core/limits';
import { bearer, callUnary } from '@morningai/rpc/client';
import type {
  AgentOffer,
  Assigned,
  Claim,
  ReadStepsRequest,
  ReadStepsResponse,
  RecordedStep,
} from '@morningai/rpc/worker';
import { AgentError, NotRetryable, type Agent, type AgentLog } from './agent.ts';
import { duration, milliseconds, runAttempt } from './attempt.ts';
import { openConnection, type Connection, type Incoming, type Outgoing } from './connection.ts';

export type WorkerOptions = {
  /** "host:port" of an orchestrator, or several to fall back on. */
  readonly address: string | readonly string[];
  readonly apiKey: string;
  /** Each gets only inputs that its own schema has parsed. */
  readonly agents: readonly Agent[];
  /** Tasks at once, over all agents. Default 10. */
  readonly slots?: number;
  /** Stable over reconnects; default: host and a random part. */
  readonly workerId?: string;
  readonly log?: AgentLog;
};

export type Worker = {
  readonly workerId: string;
  /** Resolves at the first Welcome. */
  readonly ready: Promise<void>;
  /** Takes nothing new, finishes what runs (for at most `graceMs`), and leaves. */
  close(graceMs?: number): Promise<void>;
};

type Attempt = { readonly claim: Claim; readonly abort: AbortController };
type Held = {
  readonly claim: Claim;
  readonly message: Outgoing;
  readonly settle: { resolve(): void; reject(error: Error): void };
};

const SLOTS = 10;
const CLOSE_GRACE_MS = 10_000;
/** For the outcomes of what was cut short. */
const REPORT_MS = 2_000;
const READ_STEPS_DEADLINE_MS = 5_000;
const READ_STEPS_RETRY_MS = 250;

export function createWorker(options: WorkerOptions): Worker {
  const agents = new Map(options.agents.map((agent) => [agent.name, agent]));
  const workerId = options.workerId ?? `${hostname()}-${randomUUID().slice(0, 8)}`;
  const log = options.log ?? SILENT;
  const attempts = new Map<string, Attempt>();
  const held = new Map<string, Held>();
  const ready = Promise.withResolvers<void>();
  let closing = false;
  let onIdle: (() => void) | undefined;
  let heartbeat: NodeJS.Timeout | undefined;

  const hello = (): Outgoing => ({
    $case: 'hello',
    value: {
      workerId,
      agents: [...agents.values()].map(offer),
      slots: options.slots ?? SLOTS,
      running: [...attempts.values()].map(({ claim }) => claim),
    },
  });

  const connection = openConnection({
    addresses: typeof options.address === 'string' ? [options.address] : options.address,
    apiKey: options.apiKey,
    hello,
    onMessage: (message) => hear(message),
    onBreak(why, retryInMs) {
      clearInterval(heartbeat);
      log.warn({ workerId, why, retryInMs }, 'no stream to the orchestrator');
    },
  });

  const hear = (message: Incoming) => {
    switch (message.$case) {
      case 'welcome': {
        for (const claim of message.value.fenced) fence(claim, 'the claim was lost meanwhile');
        for (const { message: unacknowledged } of held.values()) connection.send(unacknowledged);
        if (closing) connection.send({ $case: 'drain', value: {} });
        const everyMs = milliseconds(message.value.heartbeat) || DEFAULTS.heartbeatMs;
        clearInterval(heartbeat);
        heartbeat = setInterval(beat, everyMs);
        ready.resolve();
        log.info({ workerId, orchestratorId: message.value.orchestratorId }, 'worker ready');
        return;
      }
      case 'assigned':
        if (message.value.claim !== undefined) start({ ...message.value, claim: message.value.claim });
        return;
      case 'recorded': {
        const { claim, what } = message.value;
        if (claim === undefined) return;
        if (what?.$case === 'outcome') release(outcomeKey(claim));
        else releaseSteps(claim, what?.value ?? 0);
        return;
      }
      case 'fenced':
        if (message.value.claim !== undefined) fence(message.value.claim, message.value.reason);
        return;
      case 'cancel':
        if (message.value.claim !== undefined)
          attemptOf(message.value.claim)?.abort.abort(new NotRetryable('TASK_CANCELLED', message.value.reason));
        return;
      default:
        message satisfies never;
    }
  };

  const beat = () => {
    // Also an empty one: a worker of which nothing is heard gets nothing new.
    connection.send({ $case: 'heartbeat', value: { running: [...attempts.values()].map(({ claim }) => claim) } });
  };

  const start = (assigned: Assigned & { claim: Claim }) => {
    const { claim } = assigned;
    const agent = agents.get(assigned.agent);
    if (attemptOf(claim) !== undefined || agent === undefined) return;
    const abort = new AbortController();
    attempts.set(keyOf(claim), { claim, abort });
    // Said before it is done: a task that ends this process at once must be known to have been begun.
    connection.send({ $case: 'begun', value: { claim } }, () => void run(agent, assigned, abort));
  };

  const run = async (agent: Agent, assigned: Assigned & { claim: Claim }, abort: AbortController) => {
    const { claim } = assigned;
    const late = timeLimit(assigned, abort);
    const outcome = await runAttempt({
      agent,
      assigned,
      signal: abort.signal,
      log,
      record: (key, message) => hold(claim, key, message),
      tell: (message) => connection.offer(message),
      readSteps: () => readSteps(connection, options.apiKey, claim, abort.signal),
    });
    clearTimeout(late);
    // A fenced attempt reports too: that is how the orchestrator learns that its slot is free again.
    await hold(claim, outcomeKey(claim), outcome).catch(() => undefined);
    attempts.delete(keyOf(claim));
    if (attempts.size === 0) onIdle?.();
  };

  /** Resolves when it is recorded. */
  const hold = (claim: Claim, key: string, message: Outgoing): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    held.set(key, { claim, message, settle: { resolve, reject } });
    connection.send(message);
    return promise;
  };

  const release = (key: string) => {
    held.get(key)?.settle.resolve();
    held.delete(key);
  };

  const releaseSteps = (claim: Claim, index: number) => {
    for (const [key, { claim: owner, message }] of held) {
      const isStep = message.$case === 'stepStarting' || message.$case === 'stepRecorded';
      if (isStep && keyOf(owner) === keyOf(claim) && message.value.index === index) release(key);
    }
  };

  const fence = (claim: Claim, why: string) => {
    const lost = new AppError('FENCED', why);
    attemptOf(claim)?.abort.abort(lost);
    for (const [key, one] of held) {
      if (keyOf(one.claim) !== keyOf(claim)) continue;
      held.delete(key);
      one.settle.reject(lost);
    }
  };

  /** Resolves when nothing runs, or after `ms`. */
  const idle = (ms: number) =>
    new Promise<void>((resolve) => {
      if (attempts.size === 0) return resolve();
      const late = setTimeout(resolve, ms);
      onIdle = () => {
        clearTimeout(late);
        resolve();
      };
    });

  const attemptOf = (claim: Claim) => attempts.get(keyOf(claim));

  return {
    workerId,
    ready: ready.promise,
    async close(graceMs = CLOSE_GRACE_MS) {
      closing = true;
      connection.send({ $case: 'drain', value: {} });
      await idle(graceMs);
      // What is cut short is reported, so that it is tried elsewhere at once and not only when its lease has run out.
      for (const { abort } of attempts.values())
        abort.abort(new AgentError('WORKER_CLOSED', 'the worker was closed', { retryAfterMs: 0 }));
      await idle(REPORT_MS);
      clearInterval(heartbeat);
      connection.close();
    },
  };
}

function offer(agent: Agent): AgentOffer {
  const { name, version, input, retry, leaseMs, timeoutMs } = agent;
  return {
    name,
    version,
    inputSchemaJson: JSON.stringify(input['~standard'].jsonSchema.input({ target: 'draft-2020-12' })),
    retry: {
      maxAttempts: retry?.maxAttempts ?? DEFAULTS.maxAttempts,
      maxCrashes: retry?.maxCrashes ?? DEFAULTS.maxCrashes,
      base: duration(retry?.baseMs ?? DEFAULTS.retryBaseMs),
      cap: duration(retry?.capMs ?? DEFAULTS.retryCapMs),
    },
    lease: duration(leaseMs ?? DEFAULTS.leaseMs),
    timeout: timeoutMs === undefined ? undefined : duration(timeoutMs),
  };
}

/** Of the attempt, on this process's own clock. */
function timeLimit({ timeout }: Assigned, abort: AbortController): NodeJS.Timeout | undefined {
  if (timeout === undefined) return undefined;
  const ms = milliseconds(timeout);
  const over = new AgentError('ATTEMPT_TIMEOUT', `the attempt took over ${ms} ms`);
  return setTimeout(() => abort.abort(over), ms);
}

/** From whichever orchestrator answers, for as long as the claim holds. @throws what no other try would mend */
async function readSteps(
  connection: Connection,
  apiKey: string,
  claim: Claim,
  signal: AbortSignal,
): Promise<readonly RecordedStep[]> {
  const steps: RecordedStep[] = [];
  for (let fromIndex = 0; ;) {
    signal.throwIfAborted();
    try {
      const page = await callUnary<ReadStepsRequest, ReadStepsResponse>(
        (...args) => connection.client.readSteps(...args),
        { claim, fromIndex, limit: 0 },
        { metadata: bearer(apiKey), deadlineMs: READ_STEPS_DEADLINE_MS, signal },
      );
      steps.push(...page.steps);
      if (page.nextIndex === 0) return steps;
      fromIndex = page.nextIndex;
    } catch (error) {
      // The client is another one after a reconnect; the one that was closed throws no coded error.
      if (error instanceof AppError && !error.retryable) throw error;
      await delay(READ_STEPS_RETRY_MS, undefined, { signal });
    }
  }
}

function keyOf(claim: Claim): string {
  return `${claim.task}/${claim.fence}`;
}

function outcomeKey(claim: Claim): string {
  return `outcome/${keyOf(claim)}`;
}

const SILENT: AgentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
