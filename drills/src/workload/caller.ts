/** A caller: does what its script says, as any program would over HTTP, and tells the history what it saw. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Recorder } from '../history/recorder.ts';
import type { OperationName, Phase, Value } from '../history/record.ts';
import type { CallerScript, Next } from './caller-script.ts';

export type Api = { readonly ingestUrl: string; readonly apiKey: string };

export type CallerParts = {
  readonly api: Api;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly prefix: string;
  readonly signal: AbortSignal;
};

/** Below ingest's own patience: so that answers are lost, too. */
const REQUEST_MS = 6_000;
const PAUSE_MS = 150;
const WATCH_EVERY_MS = 400;
/** How long a caller persists; then what it asked for stays unknown. */
const PERSIST_MS = 25_000;

const LATER: ReadonlySet<number> = new Set([408, 503, 504]);
const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

const task = z.looseObject({
  id: z.string(),
  status: z.string(),
  life: z.number(),
  output: z.unknown().optional(),
});
const problem = z.looseObject({ code: z.string() });

type Answer = { readonly phase: Exclude<Phase, 'invoke'>; readonly value: Value };

/** Resolves when it has done all, or has given up. @throws only the signal's reason */
export async function runCaller(script: CallerScript, { api, recorder, prefix, signal }: CallerParts): Promise<void> {
  const key = `${prefix}${script.name}`;
  const body = bodyOf(script, prefix);
  const until = performance.now() + PERSIST_MS;

  const ask = async (op: OperationName, asked: Value, request: Request): Promise<Answer> => {
    recorder.record(key, op, key, 'invoke', asked);
    const answer = await send(api, request, signal);
    recorder.record(key, op, key, answer.phase, answer.value);
    return answer;
  };
  /** Until the answer is final. */
  const persist = async (op: OperationName, asked: Value, request: Request): Promise<Answer> => {
    for (;;) {
      const answer = await ask(op, asked, request);
      if (answer.phase !== 'info' || performance.now() > until) return answer;
      await delay(PAUSE_MS, undefined, { signal });
    }
  };
  const submit = () => persist('submit', { agent: script.agent }, { path: '/v1/tasks', key, body });

  /** @returns the task as it was last seen */
  const watch = async (id: string, isSeen: (seen: Value) => boolean): Promise<Value> => {
    for (;;) {
      const { value } = await ask('read', { task: id }, { path: `/v1/tasks/${id}` });
      if (isSeen(value) || performance.now() > until) return value;
      await delay(WATCH_EVERY_MS, undefined, { signal });
    }
  };

  const follow = async (id: string, next: Next): Promise<void> => {
    switch (next.do) {
      case 'repeat':
        await delay(next.afterMs, undefined, { signal });
        await submit();
        return;
      case 'other': {
        await delay(next.afterMs, undefined, { signal });
        const other = { ...body, input: { ...script.input, other: true } };
        await persist('submit-other', {}, { path: '/v1/tasks', key, body: other });
        return;
      }
      case 'cancel':
        await delay(next.afterMs, undefined, { signal });
        await persist('cancel', { task: id }, { path: `/v1/tasks/${id}:cancel`, body: { graceMs: next.graceMs } });
        return;
      case 'retry': {
        const { status, life = 1 } = await watch(id, (seen) => OVER.has(seen.status ?? ''));
        if (status === 'failed')
          await persist('retry', { task: id, life }, { path: `/v1/tasks/${id}:retry`, body: { life } });
        return;
      }
      case 'watch':
        await watch(id, (seen) => OVER.has(seen.status ?? ''));
        return;
      default:
        next satisfies never;
    }
  };

  const { phase, value } = await submit();
  if (phase !== 'ok' || value.task === undefined) return;
  for (const next of script.next) await follow(value.task, next);
}

function bodyOf(script: CallerScript, prefix: string): Readonly<Record<string, unknown>> {
  const { agent, input, priority, maxAttempts, dueInMs, expiresInMs, isOneAtATime } = script;
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  return {
    agent,
    input,
    priority,
    maxAttempts,
    ...(dueInMs !== undefined && { dueAt: at(dueInMs) }),
    ...(expiresInMs !== undefined && { expiresAt: at(expiresInMs) }),
    ...(isOneAtATime && { concurrencyKey: `${prefix}one` }),
  };
}

/** `body`: it is posted. */
type Request = { readonly path: string; readonly key?: string; readonly body?: unknown };

async function send(api: Api, request: Request, signal: AbortSignal): Promise<Answer> {
  const got = await exchange(api, request, signal);
  if (typeof got === 'string') return { phase: 'info', value: { code: got } };
  const { http, said, hasRetryAfter } = got;
  if (http < 300) {
    const { id, status, life, output } = task.parse(said);
    return { phase: 'ok', value: { http, task: id, status, life, output, repeat: http === 200 } };
  }
  const { code } = problem.parse(said);
  return { phase: LATER.has(http) ? 'info' : 'fail', value: { http, code, hasRetryAfter } };
}

/** @returns what kept the answer away: a reset, a time-out, half an answer */
async function exchange({ ingestUrl, apiKey }: Api, { path, key, body }: Request, signal: AbortSignal) {
  try {
    const answer = await fetch(`${ingestUrl}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const said: unknown = await answer.json();
    return { http: answer.status, said, hasRetryAfter: answer.headers.has('retry-after') };
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.name : 'unknown';
  }
}
