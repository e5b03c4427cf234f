import { setTimeout as delay } from 'node:timers/promises';
import { probeClient } from '@morningai/queue/redis-clients';
import { openTestbed } from '@morningai/testbed';
import { z } from 'zod';
import type { Drill, Stage } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { runIdOf } from '../redis-marks.ts';

const MOVE_MS = 45_000;
/** A second of work, or so, for the slots of a small drill. */
const BACKLOG_MIN = 200;

const moved = z.looseObject({
  openMs: z.number().nullable(),
  firstTicketMs: z.number().nullable(),
  tickets: z.number().nullable(),
  epoch: z.number().nullable(),
  oldKeys: z.object({ state: z.string(), deleted: z.number() }),
  why: z.string(),
});

export const queueMove: Drill = {
  name: 'queue-move',
  row: 'M',
  fault:
    'the queue is moved to an empty Redis, back, once more with the Redis that is used killed first, and back when it is there again',
  expected: 'work goes on; a first ticket of the new Redis is claimed soon; nothing is left in the one before',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { stack, signal, pauseMs } = stage;
    await using other = await openTestbed({ components: ['redis'], signal });
    const home = stack.urls.redisUrl;
    // As REDIS_URL names it, so that in the end nothing is left of the moves.
    const homeUrl = stack.proxies.redis.through(home);
    const away = { url: other.redis.url, seen: other.redis.url };
    const back = { url: homeUrl, seen: home };
    await untilLane(stage, 'queue');
    await move(stage, 'to an empty Redis', away);
    await leftEmpty(stage, home);
    await delay(pauseMs, undefined, { signal });
    await move(stage, 'and back', back);
    await leftEmpty(stage, away.seen);
    await delay(pauseMs, undefined, { signal });
    await stack.component('redis').kill();
    await move(stage, 'with the one before killed', away);
    await delay(pauseMs, undefined, { signal });
    await stack.component('redis').start();
    await move(stage, 'and back', back);
    await leftEmpty(stage, away.seen);
  },
};

type Target = {
  /** As the orchestrator is told. */
  readonly url: string;
  /** As it is reached from here. */
  readonly seen: string;
};

async function move(stage: Stage, how: string, { url, seen }: Target): Promise<void> {
  const { stack, load, tasks, signal, note, violated, mark } = stage;
  // More than the slots take at once: what finds a free slot needs no ticket.
  await load.submitMany(Math.max(BACKLOG_MIN, Math.ceil(tasks / 2)), { agent: 'echo', input: { delayMs: 100 } });
  const { epoch: before } = await stack.queue();
  const answer = await fetch(`${stack.urls.ingestUrl}/v1/queue:move`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.urls.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ to: url }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(MOVE_MS)]),
  });
  const said = await answer.text();
  if (!answer.ok) return violated(`${how}: ${answer.status} ${said}`);
  const { openMs, firstTicketMs, tickets, epoch, oldKeys, why } = moved.parse(JSON.parse(said));
  const old = `old keys ${oldKeys.state}${oldKeys.deleted === 0 ? '' : ` (${oldKeys.deleted})`}`;
  note(`${how}: open after ${openMs} ms, first ticket claimed after ${firstTicketMs} ms, ${tickets} ticketed; ${old}`);
  if (openMs === null) violated(`${how}: the queue lane is not open there: ${why}`);
  if (firstTicketMs === null) violated(`${how}: no ticket of the new Redis was claimed`);
  const runId = await withRedis(seen, runIdOf);
  mark({ what: `epoch (run_id ${runId})`, before: String(before), after: String(epoch), left: epoch !== before });
}

async function leftEmpty({ violated }: Stage, url: string): Promise<void> {
  const keys = await withRedis(url, (redis) => redis.dbsize());
  if (keys > 0) violated(`${keys} keys are left in the Redis before`);
}

async function withRedis<T>(url: string, use: (redis: ReturnType<typeof probeClient>) => Promise<T>): Promise<T> {
  const redis = probeClient(url);
  return use(redis).finally(() => redis.disconnect());
}
