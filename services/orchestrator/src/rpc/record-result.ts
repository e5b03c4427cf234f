/** What a worker says of a claim, into the log; and the answer. */
import { performance } from 'node:perf_hooks';
import { backoffMs } from '@morningai/core/backoff';
import { AppError, asAppError } from '@morningai/core/errors';
import { storableJson, storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import type { Command, Failure, Json } from '@morningai/core/task';
import type { Claim, TaskFailure, WorkerMessage } from '@morningai/rpc/worker';
import { renewHeld } from '../dispatch/renew-held.ts';
import { claimOf, heldKey, heldOf, tellFenced, type WorkSession } from '../dispatch/work-session.ts';
import { retryPolicy } from '../domain/agent-record.ts';
import { milliseconds } from './duration.ts';
import type { RpcParts } from './parts.ts';

type Message = NonNullable<WorkerMessage['message']>;
type Claimed = { readonly taskId: string; readonly fence: number };

/** One try; the worker's stream stays open and the result is tried again while Postgres is away. */
const RESULT_DEADLINE_MS = 30_000;
const RESULT_BYTES = 300;

/** @throws AppError for a message that is not part of the protocol: the stream ends with it */
export async function recordResult(parts: RpcParts, session: WorkSession, message: Message): Promise<void> {
  switch (message.$case) {
    case 'heartbeat':
      return beat(parts, session, message.value.running.map(claimText));
    case 'begun': {
      const begun = claimText(message.value.claim);
      const held = heldOf(session, begun);
      if (held?.stage === 'assigned') held.stage = 'begun';
      else if (held?.stage === 'released') tellFenced(session, begun, 'it was not begun in time, and given to others');
      return;
    }
    case 'progress':
      return;
    case 'drain':
      return parts.roster.rest(session, 'draining');
    case 'completed':
      return outcome(parts, session, claimText(message.value.claim), ({ fence }) => ({
        type: 'Complete',
        fence,
        output: parseOutput(message.value.outputJson),
      }));
    case 'failed':
      return outcome(parts, session, claimText(message.value.claim), (claim) =>
        failCommand(parts, session, claim, message.value.failure),
      );
    case 'stepStarting': {
      const { claim, index, step, effectKey } = message.value;
      return recordStep(parts, session, claimText(claim), index, ({ fence }) => ({
        type: 'StartStep',
        fence,
        index,
        step: storableText(step),
        effectKey: storableText(effectKey),
      }));
    }
    case 'stepRecorded': {
      const { claim, index, step, outcome: result } = message.value;
      if (result?.$case !== 'outputJson')
        throw new AppError('NOT_IMPLEMENTED', 'a failed step fails its attempt: send Failed');
      return recordStep(parts, session, claimText(claim), index, ({ fence }) => ({
        type: 'CompleteStep',
        fence,
        index,
        step: storableText(step),
        output: parseOutput(result.value),
      }));
    }
    default:
      throw new AppError('NOT_IMPLEMENTED', `${message.$case} is not part of this release`);
  }
}

/** What a session does not hold it cannot renew; what has just been recorded is no longer held either. */
function beat(parts: RpcParts, session: WorkSession, claims: readonly Claimed[]): void {
  const held = new Set(claims.flatMap((claim) => heldOf(session, claim) ?? []));
  for (const [key, one] of session.held) {
    if (one.stage !== 'fenced') continue;
    // A fenced attempt runs on until it has stopped, and may have nothing to say then.
    if (!held.delete(one) && session.held.delete(key)) parts.roster.giveBack(session);
  }
  if (held.size > 0) renewHeld(parts, session, [...held]);
}

async function outcome(
  parts: RpcParts,
  session: WorkSession,
  claim: Claimed,
  command: (claim: Claimed) => Command,
): Promise<void> {
  const { taskId, fence } = claim;
  const held = heldOf(session, claim);
  if (held !== undefined) held.settling = true;
  const { error, gone } = await record(parts, session, claim, command);
  if (gone) return;
  if (session.held.delete(heldKey(taskId, fence))) parts.roster.giveBack(session);
  if (error === null) {
    session.send({
      $case: 'recorded',
      value: { claim: claimOf(taskId, fence), what: { $case: 'outcome', value: true } },
    });
  } else {
    session.send({ $case: 'fenced', value: { claim: claimOf(taskId, fence), reason: error.message } });
  }
}

async function recordStep(
  parts: RpcParts,
  session: WorkSession,
  claim: Claimed,
  index: number,
  command: (claim: Claimed) => Command,
): Promise<void> {
  const { taskId, fence } = claim;
  const { error, gone, refused } = await record(parts, session, claim, command);
  if (gone) return;
  if (error === null && refused === null) {
    const what = { $case: 'stepIndex', value: index } as const;
    session.send({ $case: 'recorded', value: { claim: claimOf(taskId, fence), what } });
  } else {
    const reason = (error ?? refused)?.message ?? '';
    session.send({ $case: 'fenced', value: { claim: claimOf(taskId, fence), reason } });
  }
}

type Recording = {
  /** Null: it is in the log. */
  readonly error: AppError | null;
  /** Why a failure was recorded instead of what the worker sent. */
  readonly refused: AppError | null;
  /** The worker left before it was known. */
  readonly gone: boolean;
};

/**
 * Writes until it is recorded or refused, for as long as the worker is there to be told. An output that cannot be stored ends the
 * attempt as a failure with that reason: the worker would only send it again.
 */
async function record(
  parts: RpcParts,
  session: WorkSession,
  claim: Claimed,
  command: (claim: Claimed) => Command,
): Promise<Recording> {
  const { taskId } = claim;
  if (heldOf(session, claim) === undefined) {
    return { error: new AppError('FENCED', 'this stream does not hold the claim'), refused: null, gone: false };
  }
  let refused: AppError | null = null;
  const refuse = (error: AppError) => {
    refused = error;
    return refusedOutput(claim, error);
  };
  let wanted: Command;
  try {
    wanted = command(claim);
  } catch (error) {
    wanted = refuse(asAppError(error));
  }
  while (session.open) {
    try {
      await parts.writer.write({
        taskId,
        tenant: '',
        command: wanted,
        limits: [],
        urgency: 'outcome',
        bytes: RESULT_BYTES + ('output' in wanted ? JSON.stringify(wanted.output).length : 0),
        deadlineAt: performance.now() + RESULT_DEADLINE_MS,
      });
      return { error: null, refused, gone: false };
    } catch (thrown) {
      const error = asAppError(thrown);
      if (error.code === 'VALUE_REFUSED' && refused === null) wanted = refuse(error);
      else if (!error.retryable || error.code === 'DRAINING')
        return { error, refused, gone: error.code === 'DRAINING' };
    }
  }
  return { error: null, refused, gone: true };
}

function refusedOutput({ fence }: Claimed, error: AppError): Command {
  return { type: 'Fail', fence, error: { code: error.code, message: error.message }, retryInMs: null };
}

/** @throws AppError when it is no JSON, too large, or not storable */
function parseOutput(text: string): Json {
  if (text.length * 3 > LIMITS.outputBytes && Buffer.byteLength(text) > LIMITS.outputBytes) {
    throw new AppError('OUTPUT_TOO_LARGE', `the output is over ${LIMITS.outputBytes} bytes`);
  }
  try {
    return storableJson(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw new AppError('BODY_NOT_JSON', 'the output is not JSON', { cause: error });
    throw error;
  }
}

function failCommand(parts: RpcParts, session: WorkSession, claim: Claimed, failure: TaskFailure | undefined): Command {
  const { fence } = claim;
  const error: Failure = {
    code: (failure?.code || 'AGENT_ERROR').slice(0, LIMITS.nameLength),
    message: cleanText(failure?.message ?? '').slice(0, LIMITS.errorMessageLength),
  };
  if (failure?.notRetryable) return { type: 'Fail', fence, error, retryInMs: null };
  const held = heldOf(session, claim);
  const policy = retryPolicy(parts.catalog.known(held?.agent ?? ''));
  const retryInMs = milliseconds(failure?.retryAfter) ?? backoffMs(held?.failures ?? 0, policy, Math.random());
  return { type: 'Fail', fence, error, retryInMs: Math.min(retryInMs, LIMITS.dueInMs) };
}

/** An error's text comes from anywhere: it is made storable rather than refused. */
function cleanText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function claimText(claim: Claim | undefined): Claimed {
  if (claim === undefined) throw new AppError('REQUEST_INVALID', 'the message names no claim');
  return { taskId: claim.task, fence: claim.fence };
}
