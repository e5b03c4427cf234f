/**
 * Gathers concurrent submits into few gRPC messages. The first goes at once; what comes while it is on its way goes
 * together. Every submit ends: with its own result, with the error of its message, or by its signal. A submit whose signal
 * aborts before its message left was not sent. Nothing is retried here.
 */
import { AppError, asAppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import { fromProblem } from '@morningai/rpc/errors';
import type { Accepted, SubmitResult, SubmitTasksRequest, SubmitTasksResponse, TaskSpec } from '@morningai/rpc/tasks';

export const BATCHER_LIMITS = {
  tasksPerMessage: LIMITS.tasksPerSubmit,
  /** A reply repeats the inputs and adds its own fields: the room for those is left free. */
  bytesPerMessage: LIMITS.messageBytes - 512 * 1024,
  messagesInFlight: 4,
  /** How long a submit waits for company while another message is on its way. */
  lingerMs: 5,
  waitingTasks: 10_000,
  waitingBytes: 64 * 1024 * 1024,
} as const;

export type Submit = {
  readonly tenant: string;
  readonly spec: TaskSpec;
  /** How long an answer is of use. */
  readonly remainingMs: number;
  /** Its reason, an AppError, ends the submit. */
  readonly signal: AbortSignal;
};

export type SubmitBatcher = { submit(submit: Submit): Promise<Accepted> };

/** Sends one message; throws AppErrors. */
export type SendSubmits = (request: SubmitTasksRequest, deadlineMs: number) => Promise<SubmitTasksResponse>;

type Waiting = Submit & {
  readonly bytes: number;
  readonly endsAt: number;
  settle(result: Accepted | AppError): void;
};

export function createSubmitBatcher(send: SendSubmits): SubmitBatcher {
  const waiting = new Set<Waiting>();
  let waitingBytes = 0;
  let inFlight = 0;
  let linger: NodeJS.Timeout | undefined;
  let isScheduled = false;

  const remove = (one: Waiting) => {
    if (waiting.delete(one)) waitingBytes -= one.bytes;
  };

  const takeMessage = (): Waiting[] => {
    const taken: Waiting[] = [];
    let bytes = 0;
    for (const one of waiting) {
      if (one.tenant !== taken[0]?.tenant && taken.length > 0) continue;
      if (taken.length >= BATCHER_LIMITS.tasksPerMessage || bytes + one.bytes > BATCHER_LIMITS.bytesPerMessage) break;
      bytes += one.bytes;
      taken.push(one);
    }
    taken.forEach(remove);
    return taken;
  };

  const isFull = () => waiting.size >= BATCHER_LIMITS.tasksPerMessage || waitingBytes >= BATCHER_LIMITS.bytesPerMessage;

  const flush = (lingered: boolean) => {
    clearTimeout(linger);
    linger = undefined;
    let isOwed = lingered;
    while (waiting.size > 0 && inFlight < BATCHER_LIMITS.messagesInFlight && (isOwed || inFlight === 0 || isFull())) {
      isOwed = false;
      inFlight += 1;
      void deliver(send, takeMessage()).finally(() => {
        inFlight -= 1;
        flush(false);
      });
    }
    // At the largest number of messages in flight, the next one to come back flushes.
    if (waiting.size > 0 && inFlight < BATCHER_LIMITS.messagesInFlight) {
      linger = setTimeout(flush, BATCHER_LIMITS.lingerMs, true);
    }
  };

  /** After this turn: the tasks of one HTTP batch arrive in one turn. */
  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      if (linger === undefined || isFull()) flush(false);
    });
  };

  return {
    submit: (submit) =>
      new Promise((resolve, reject) => {
        submit.signal.throwIfAborted();
        const bytes = bytesOf(submit.spec);
        if (waiting.size >= BATCHER_LIMITS.waitingTasks || waitingBytes + bytes > BATCHER_LIMITS.waitingBytes) {
          throw new AppError('OVERLOADED', 'too many tasks are waiting to be accepted; this one was not');
        }
        const cancel = () => one.settle(submit.signal.reason as AppError);
        const one: Waiting = {
          ...submit,
          bytes,
          endsAt: performance.now() + submit.remainingMs,
          settle: (result) => {
            remove(one);
            submit.signal.removeEventListener('abort', cancel);
            if (result instanceof AppError) reject(result);
            else resolve(result);
          },
        };
        submit.signal.addEventListener('abort', cancel, { once: true });
        waiting.add(one);
        waitingBytes += bytes;
        schedule();
      }),
  };
}

async function deliver(send: SendSubmits, message: readonly Waiting[]): Promise<void> {
  const [first] = message;
  if (first === undefined) return;
  const deadlineMs = Math.max(1, Math.max(...message.map((one) => one.endsAt)) - performance.now());
  try {
    const { results } = await send({ tenant: first.tenant, tasks: message.map((one) => one.spec) }, deadlineMs);
    message.forEach((one, index) => one.settle(asResult(results[index])));
  } catch (thrown) {
    const error = asAppError(thrown);
    // A repeat is answered with the first task and its output: together they may be over the size of a message.
    if (error.code === 'BODY_TOO_LARGE' && message.length > 1) {
      const middle = Math.ceil(message.length / 2);
      await deliver(send, message.slice(0, middle));
      await deliver(send, message.slice(middle));
    } else {
      for (const one of message) one.settle(error);
    }
  }
}

function asResult(result: SubmitResult | undefined): Accepted | AppError {
  switch (result?.result?.$case) {
    case 'accepted':
      return result.result.value;
    case 'refused':
      return fromProblem(result.result.value);
    default:
      return new AppError('INTERNAL', 'the orchestrator did not answer for this task');
  }
}

/** About the size in a message: every text, and room for the numbers and tags. */
function bytesOf(spec: TaskSpec): number {
  const labels = Object.entries(spec.labels).flat();
  const texts = [spec.agent, spec.inputJson, spec.concurrencyKey, spec.idempotencyKey, ...labels];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 8, 256);
}
