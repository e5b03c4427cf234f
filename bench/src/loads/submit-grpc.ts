/** Submits tasks by SubmitTasks, in batches, a few of them in flight: as fast as they are accepted, or at a steady pace. */
import { setTimeout as delay } from 'node:timers/promises';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { TaskServiceClient, type SubmitTasksRequest, type SubmitTasksResponse } from '@morningai/rpc/tasks';
import { v7 as newTaskId } from 'uuid';
import { nowMs, serveLoad } from './serve-load.ts';

export type SubmitRequest = {
  readonly tasks: number;
  /** Default: echo. */
  readonly agent?: string;
  /** JSON text; default: a no-op. */
  readonly inputJson?: string;
  readonly tenant?: string;
  /** Tasks per second; default: as fast as they are accepted. */
  readonly perSecond?: number;
  /** One after the other, this long after the last was accepted, ms; default: in batches. */
  readonly pauseMs?: number;
};
export type SubmitReply = {
  readonly startedAt: number;
  readonly acceptedAt: number;
  readonly accepted: number;
  /** Why the first of the others was not; null: all were. */
  readonly refusal: string | null;
};

const BATCH = 500;
/** At a steady pace: one batch each. */
const PACE_MS = 10;
/** Batches that are not answered yet: beyond that the pace cannot be kept. */
const PACED_IN_FLIGHT = 200;
const IN_FLIGHT = 4;
const DEADLINE_MS = 30_000;

serveLoad(({ address, apiKey }: { address: string; apiKey: string }) => {
  const client = openClient(TaskServiceClient, address);
  const metadata = bearer(apiKey);

  return async (request: SubmitRequest): Promise<SubmitReply> => {
    const { agent = 'echo', inputJson = NO_OP, tenant = 'default' } = request;
    const refusals: string[] = [];

    const submit = async (count: number) => {
      const batch = { tenant, tasks: Array.from({ length: count }, () => taskOf(agent, inputJson)) };
      try {
        const { results } = await callUnary<SubmitTasksRequest, SubmitTasksResponse>(
          (...args) => client.submitTasks(...args),
          batch,
          { metadata, deadlineMs: DEADLINE_MS },
        );
        for (const { result } of results)
          if (result?.$case !== 'accepted') refusals.push(result?.value.code ?? 'no result');
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        refusals.push(...Array.from({ length: count }, () => why));
      }
    };

    const startedAt = nowMs();
    if (request.pauseMs !== undefined) await oneByOne(submit, request.tasks, request.pauseMs);
    else if (request.perSecond !== undefined) await steadily(submit, request.tasks, request.perSecond);
    else await asFastAsTheyAreAccepted(submit, request.tasks);
    const accepted = request.tasks - refusals.length;
    return { startedAt, acceptedAt: nowMs(), accepted, refusal: refusals[0] ?? null };
  };
});

type Submit = (count: number) => Promise<void>;

async function asFastAsTheyAreAccepted(submit: Submit, tasks: number): Promise<void> {
  let left = tasks;
  const lane = async () => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      await submit(size);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function steadily(submit: Submit, tasks: number, perSecond: number): Promise<void> {
  const startedAt = nowMs();
  const inFlight = new Set<Promise<void>>();
  for (let sent = 0; sent < tasks;) {
    const due = Math.min(tasks, Math.floor(((nowMs() - startedAt) * perSecond) / 1_000));
    for (; sent < due; sent += Math.min(BATCH, due - sent)) {
      if (inFlight.size >= PACED_IN_FLIGHT) throw new Error(`${perSecond} tasks/s are not accepted in time`);
      const submitting: Promise<void> = submit(Math.min(BATCH, due - sent)).finally(() => inFlight.delete(submitting));
      inFlight.add(submitting);
    }
    await delay(PACE_MS);
  }
  await Promise.all(inFlight);
}

async function oneByOne(submit: Submit, tasks: number, pauseMs: number): Promise<void> {
  for (let sent = 0; sent < tasks; sent += 1) {
    await submit(1);
    await delay(pauseMs);
  }
}

const NO_OP = '{"n":1}';

function taskOf(agent: string, inputJson: string) {
  return {
    id: newTaskId(),
    agent,
    inputJson,
    priority: 2,
    dueAt: undefined,
    expiresAt: undefined,
    maxAttempts: 0,
    concurrencyKey: '',
    labels: {},
    idempotencyKey: '',
  };
}
