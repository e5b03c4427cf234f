/** Turns what a caller asked for into a Submit command, or refuses it. Pure. */
import { AppError } from '@morningai/core/errors';
import { storableJson, storableText } from '@morningai/core/json';
import { LIMITS } from '@morningai/core/limits';
import type { Command, Json } from '@morningai/core/task';
import type { AgentRecord } from './agent-record.ts';

export type RequestedTask = {
  readonly id: string;
  readonly agent: string;
  readonly inputJson: string;
  readonly priority: number;
  readonly dueAt: Date | null;
  readonly expiresAt: Date | null;
  readonly maxAttempts: number;
  readonly concurrencyKey: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | null;
};

const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

/** @throws AppError REQUEST_INVALID, INPUT_TOO_LARGE, BODY_NOT_JSON, TEXT_NOT_STORABLE, … */
export function parseInput(requested: RequestedTask): Json {
  const { inputJson } = requested;
  // A UTF-16 unit is at most 3 bytes of UTF-8: most inputs need not be measured.
  if (inputJson.length * 3 > LIMITS.inputBytes && new TextEncoder().encode(inputJson).length > LIMITS.inputBytes) {
    throw new AppError('INPUT_TOO_LARGE', `the input is over ${LIMITS.inputBytes} bytes`);
  }
  let input: unknown;
  try {
    input = JSON.parse(inputJson);
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', 'the input is not JSON', { cause });
  }
  return storableJson(input);
}

/**
 * @param nowMs Postgres' time, ms since 1970: `dueAt` is turned into a duration, for no host's clock decides
 * @param requestDigest of the request as asked
 */
export function toSubmit(
  requested: RequestedTask,
  input: Json,
  agent: AgentRecord,
  requestDigest: string,
  nowMs: number,
): Command & { type: 'Submit' } {
  checkFields(requested);
  const dueInMs = Math.max(0, (requested.dueAt?.getTime() ?? nowMs) - nowMs);
  if (dueInMs > LIMITS.dueInMs) throw invalid('dueAt is more than a year ahead');
  const expiresInMs = requested.expiresAt === null ? null : requested.expiresAt.getTime() - nowMs;
  if (expiresInMs !== null && expiresInMs <= dueInMs) throw invalid('expiresAt is not after dueAt, or has passed');
  // In the order of its keys: so the log stores it (RFC 8785), and needs not sort it.
  return {
    type: 'Submit',
    agent: requested.agent,
    concurrencyKey: requested.concurrencyKey === '' ? null : requested.concurrencyKey,
    dueInMs: Math.round(dueInMs),
    expiresInMs: expiresInMs === null ? null : Math.round(expiresInMs),
    idempotencyKey: requested.idempotencyKey,
    input,
    labels: requested.labels,
    maxAttempts: requested.maxAttempts === 0 ? agent.maxAttempts : requested.maxAttempts,
    maxCrashes: agent.maxCrashes,
    priority: requested.priority,
    requestDigest,
  };
}

function checkFields(requested: RequestedTask): void {
  if (!isTaskId(requested.id)) throw invalid('id is not a UUIDv7');
  if (requested.priority >= LIMITS.priorities) throw invalid(`priority is 0 to ${LIMITS.priorities - 1}`);
  if (requested.maxAttempts > LIMITS.maxAttempts) throw invalid(`maxAttempts is at most ${LIMITS.maxAttempts}`);
  if (storableText(requested.concurrencyKey).length > LIMITS.keyLength) {
    throw invalid(`concurrencyKey is over ${LIMITS.keyLength} characters`);
  }
  const { idempotencyKey } = requested;
  if (idempotencyKey !== null) {
    const length = storableText(idempotencyKey).length;
    if (length === 0 || length > LIMITS.keyLength)
      throw invalid(`an idempotency key has 1 to ${LIMITS.keyLength} characters`);
  }
  const labels = Object.entries(requested.labels);
  if (labels.length > LIMITS.labels) throw invalid(`over ${LIMITS.labels} labels`);
  for (const [name, value] of labels) {
    if (name.length === 0 || storableText(name).length > LIMITS.nameLength) {
      throw invalid(`a label's name has 1 to ${LIMITS.nameLength} characters`);
    }
    if (storableText(value).length > LIMITS.labelValueLength) {
      throw invalid(`the label ${name} is over ${LIMITS.labelValueLength} characters`);
    }
  }
}

function invalid(why: string): AppError {
  return new AppError('REQUEST_INVALID', why);
}
