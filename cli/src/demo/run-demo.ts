/**
 * The promise, shown: thousands of tasks on their way, Redis killed with SIGKILL and its data deleted in the middle, a question answered
 * meanwhile, Redis back empty, and at the end the count of everything, from the log.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { openPool, type Pool } from '@morningai/log/pool';
import { createClient, type Task, type TaskEvent } from '@morningai/sdk';
import { readQueue, type QueueState } from '../commands/queue.ts';
import { verifyDatabase } from '../commands/verify.ts';
import type { Stack } from '../stack/open-stack.ts';
import { countTasks, longestGap, type Gap } from './progress.ts';
import type { View } from './ledger-view.ts';
import { submitMany } from './submit-many.ts';

/** The question whose answers the seeds are. */
export const QUESTION = 'Test question during Redis outage';
export const REPOSITORY = 'RC918/morningai';

const TASKS = 3_000;
/** A backlog, so that there is something in Redis to lose. */
const AT_ONCE = 1_500;
const PER_SECOND = 120;
const KILL_AFTER_MS = 3_000;
const OUTAGE_MS = 10_000;
const FINISH_MS = 180_000;
const LOOK_MS = 100;
/** Around the kill: what an outage costs shows there. */
const KILL_SPAN_MS = 2_000;

export type DemoResult = {
  readonly question: Task;
  readonly events: readonly TaskEvent[];
  /** The question was done while Redis was away. */
  readonly doneDuringOutage: boolean;
  /** Accepted by the answers to our requests. */
  readonly accepted: number;
  readonly repeatedRequests: number;
  readonly ticketsLost: number | null;
  readonly epochs: { readonly before: number | null; readonly after: number | null };
  readonly gaps: { readonly atKill: Gap | null; readonly overall: Gap | null };
  readonly report: Awaited<ReturnType<typeof verifyDatabase>>;
};

export async function runDemo(stack: Stack, view: View, interrupted: AbortSignal): Promise<DemoResult> {
  const { ingestUrl, apiKey, databaseUrl } = stack.describe();
  const over = new AbortController();
  const signal = AbortSignal.any([interrupted, over.signal, AbortSignal.timeout(FINISH_MS)]);
  const pool = openPool({ url: databaseUrl, name: 'morningai-demo', maxConnections: 1 });
  const client = createClient({ url: ingestUrl, apiKey });
  const redis = stack.component('redis');
  const startedAt = new Date();
  const queue = () => readQueue({ ingestUrl, apiKey }).catch(() => null);

  let last: QueueState | null = null;
  const watching = watch(
    pool,
    { signal, startedAt, view, redis: () => redis.state },
    async () => (last = await queue()),
  );
  watching.catch(() => undefined);
  try {
    view.say(`${TASKS} tasks of the echo agent: ${AT_ONCE} at once, then ${PER_SECOND} a second`);
    const submitting = submitMany({ ingestUrl, apiKey, tasks: TASKS, atOnce: AT_ONCE, perSecond: PER_SECOND, signal });
    submitting.catch(() => undefined);
    await delay(KILL_AFTER_MS, undefined, { signal });

    const before = await queue();
    const entry = redis.entry;
    await redis.kill();
    const killedAt = new Date();
    await redis.wipe();
    view.say(
      `kill -9 Redis (${entry === null ? '?' : 'pid' in entry ? `pid ${entry.pid}` : 'its container'}), and its data deleted`,
    );
    const back = killedAt.getTime() + OUTAGE_MS;

    const asked = await client.submit(
      { agent: 'faq', input: { question: QUESTION, repository: REPOSITORY }, priority: 0 },
      { signal },
    );
    view.say(`POST /v1/tasks "${QUESTION}": accepted as ${asked.id}`);
    for await (const { type, data } of client.watch(asked.id, { signal })) view.say(`  ${type}${stepOf(data)}`);
    const doneDuringOutage = redis.state === 'down';
    view.say(`the question is done, ${doneDuringOutage ? 'without Redis' : 'too late'}`);

    await delay(Math.max(0, back - Date.now()), undefined, { signal });
    await redis.start();
    view.say('Redis is back, empty');
    const { accepted, repeated } = await submitting;
    await untilDone(pool, accepted.size + 1, signal);
    const after = last as QueueState | null;
    over.abort();
    await watching.catch(() => undefined);
    interrupted.throwIfAborted();

    const span = (ms: number) => new Date(killedAt.getTime() + ms);
    return {
      question: await client.get(asked.id),
      events: await client.events(asked.id),
      doneDuringOutage,
      accepted: accepted.size + 1,
      repeatedRequests: repeated,
      ticketsLost: before?.tickets ?? null,
      epochs: { before: before?.epoch ?? null, after: after?.epoch ?? null },
      gaps: {
        atKill: await longestGap(pool, span(-KILL_SPAN_MS), span(KILL_SPAN_MS)),
        overall: await longestGap(pool, startedAt, new Date()),
      },
      report: await verifyDatabase(databaseUrl, { signal: interrupted }),
    };
  } finally {
    over.abort();
    await pool.close();
  }
}

/** Shows how it goes until the signal aborts. */
async function watch(
  pool: Pool,
  options: {
    readonly signal: AbortSignal;
    readonly startedAt: Date;
    readonly view: View;
    readonly redis: () => string;
  },
  readQueue: () => Promise<QueueState | null>,
): Promise<void> {
  const { signal, startedAt, view, redis } = options;
  const seen: { at: number; finished: number }[] = [];
  while (!signal.aborted) {
    const [{ accepted, finished }, queue] = await Promise.all([countTasks(pool), readQueue()]);
    const at = performance.now();
    seen.push({ at, finished });
    while (seen.length > 1 && at - (seen[0]?.at ?? at) > 1_000) seen.shift();
    const [oldest] = seen;
    const spanS = (at - (oldest?.at ?? at)) / 1_000;
    view.show({
      seconds: (Date.now() - startedAt.getTime()) / 1_000,
      accepted,
      completed: finished,
      open: accepted - finished,
      lane: queue?.lane ?? null,
      tickets: queue?.tickets ?? null,
      epoch: queue?.epoch ?? null,
      redis: redis(),
      perSecond: spanS === 0 ? 0 : Math.round((finished - (oldest?.finished ?? 0)) / spanS),
    });
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function untilDone(pool: Pool, tasks: number, signal: AbortSignal): Promise<void> {
  while ((await countTasks(pool)).finished < tasks) await delay(LOOK_MS, undefined, { signal });
}

function stepOf(data: unknown): string {
  return typeof data === 'object' && data !== null && 'step' in data ? ` (${String(data.step)})` : '';
}
