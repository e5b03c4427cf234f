/**
 * Drafts with any endpoint that speaks OpenAI's chat completions. One call per attempt by default: waiting for a busy
 * model belongs to the task's own retries, which are recorded, hold no slot, and survive a crash.
 */
import OpenAI, { APIConnectionError, APIError } from 'openai';
import { AgentError } from '@morningai/sdk';
import { draftFromReply } from './model-reply.ts';
import { promptFor } from './model-prompt.ts';
import type { Draft, Drafter, DraftRequest } from './drafter.ts';

export const OPENAI_DRAFTER_LIMITS = {
  timeoutMs: 120_000,
  maxRetries: 3,
  replyTokens: 16_000,
  /** A longer wait asked for by the endpoint is cut to this. */
  retryAfterMs: 3_600_000,
} as const;

export type OpenAiDrafterOptions = {
  /** Such as https://api.openai.com/v1 */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** For the whole call, its body included. At most and by default 120 s. */
  readonly timeoutMs?: number;
  /** Calls made again within one attempt: 0 to 3, by default 0. */
  readonly maxRetries?: number;
};

export function createOpenAiDrafter(options: OpenAiDrafterOptions): Drafter {
  const { baseUrl, apiKey, model } = options;
  const timeoutMs = Math.min(options.timeoutMs ?? OPENAI_DRAFTER_LIMITS.timeoutMs, OPENAI_DRAFTER_LIMITS.timeoutMs);
  const maxRetries = Math.min(options.maxRetries ?? 0, OPENAI_DRAFTER_LIMITS.maxRetries);
  // What is named null or off here the SDK would otherwise read from the environment.
  const client = new OpenAI({
    baseURL: baseUrl,
    apiKey,
    organization: null,
    project: null,
    logLevel: 'off',
    maxRetries,
    timeout: timeoutMs,
  });

  async function draft(request: DraftRequest): Promise<Draft> {
    // The SDK's own time-out ends with the headers; a body that never comes must end too.
    const timeout = AbortSignal.timeout(timeoutMs);
    const body = { model, messages: promptFor(request), max_completion_tokens: OPENAI_DRAFTER_LIMITS.replyTokens };
    try {
      const completion = await client.chat.completions.create(body, {
        signal: AbortSignal.any([request.signal, timeout]),
      });
      return draftOf(completion);
    } catch (error) {
      // A cancelled task or a lost lease is not the model's failure.
      request.signal.throwIfAborted();
      throw asAgentError(error, timeout.aborted);
    }
  }

  return { model, draft };
}

function draftOf(completion: OpenAI.ChatCompletion): Draft {
  // An endpoint that is only nearly compatible may leave out what the types promise.
  const choice = completion.choices?.[0];
  if (choice?.finish_reason === 'length') {
    throw new AgentError('FAQ_MODEL_CUT_OFF', 'the model ran into its token limit', { notRetryable: true });
  }
  if (choice?.finish_reason === 'content_filter' || choice?.message?.refusal) {
    throw new AgentError('FAQ_MODEL_REFUSED', 'the model declined to answer', { notRetryable: true });
  }
  const draft = draftFromReply(choice?.message?.content ?? '');
  if (draft === null) throw new AgentError('FAQ_MODEL_REPLY_UNUSABLE', 'the reply is no document with a title');
  return draft;
}

function asAgentError(error: unknown, timedOut: boolean): AgentError {
  if (error instanceof AgentError) return error;
  if (timedOut || isTimeout(error)) return new AgentError('FAQ_MODEL_TIMEOUT', 'no answer in time', { cause: error });
  if (error instanceof APIConnectionError) {
    return new AgentError('FAQ_MODEL_UNREACHABLE', 'cannot reach the model', { cause: error });
  }
  if (!(error instanceof APIError) || error.status === undefined) {
    return new AgentError('FAQ_MODEL_REPLY_UNUSABLE', 'the answer is no chat completion', { cause: error });
  }
  const message = `the model's endpoint answered ${error.status}`;
  if (!isRetryable(error.status)) {
    return new AgentError('FAQ_MODEL_REJECTED', message, { notRetryable: true, cause: error });
  }
  const retryAfterMs = retryAfter(error.headers);
  return new AgentError('FAQ_MODEL_BUSY', message, { cause: error, ...(retryAfterMs !== null && { retryAfterMs }) });
}

function isRetryable(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

function isTimeout(error: unknown): boolean {
  return error instanceof OpenAI.APIConnectionTimeoutError;
}

/** Milliseconds, or null where the answer names no wait. RFC 9110, section 10.2.3: seconds or a date. */
function retryAfter(headers: Headers | undefined): number | null {
  const value = headers?.get('retry-after')?.trim();
  if (!value) return null;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), OPENAI_DRAFTER_LIMITS.retryAfterMs) : null;
}
