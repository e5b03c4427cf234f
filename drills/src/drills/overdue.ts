import { infoField } from '@morningai/queue/redis-info';
import { setTimeout as delay } from 'node:timers/promises';
import { startWorker } from '../drill-worker.ts';
import type { Drill, Stage } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';
import { markingProcess } from '../redis-marks.ts';

const AGENT = 'drill-quick-overdue';
/** "100,000", for 5,000 tasks. */
const TIMES = 20;
const TASKS_MAX = 100_000;
/** The window, and the quarter by which it may be exceeded. */
const TICKETS_MAX = 25_000;
const REDIS_MAX_MB = 32;
const LOOK_EVERY_MS = 50;
const SLOTS = 200;

export const overdue: Drill = {
  name: 'overdue',
  row: 'R13',
  fault: `Redis is away, and so is every worker of an agent with ${TIMES} tasks for each task of the load; then both come back`,
  expected: 'tickets are filled in up to the window and no further, and requests are accepted as before',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, signal, load, note, violated } = stage;
    await using world = await openOutsideWorld();
    // So that the agent is known.
    await (await startWorker(stage, { world, agents: [AGENT], workerId: 'drill-overdue-0' })).kill();
    const redis = stack.component('redis');
    let tasks: Awaited<ReturnType<typeof load.submitMany>> = [];
    await markingProcess(stage, async () => {
      await redis.kill();
      try {
        tasks = await load.submitMany(Math.min(TASKS_MAX, TIMES * stage.tasks), { agent: AGENT, input: {} });
        await delay(stage.pauseMs, undefined, { signal });
      } finally {
        await redis.start();
      }
    });
    await untilLane(stage, 'queue');
    await using worker = await startWorker(stage, {
      world,
      agents: [AGENT],
      workerId: 'drill-overdue-1',
      slots: SLOTS,
    });
    const startedAt = performance.now();
    const over = new AbortController();
    const watching = watchWindow(stage, over.signal);
    await untilFinished(stage, tasks);
    over.abort();
    const { tickets, usedMb } = await watching;
    const seconds = (performance.now() - startedAt) / 1_000;
    note(
      `${tasks.length} done by pid ${worker.pid} in ${seconds.toFixed(1)} s: at most ${tickets} had a ticket, and Redis used ${usedMb.toFixed(1)} MB`,
    );
    if (tickets > TICKETS_MAX) violated(`${tickets} tickets at once`);
    if (usedMb > REDIS_MAX_MB) violated(`Redis uses ${usedMb.toFixed(1)} MB`);
  },
};

/** The most that was seen until the signal aborts. */
async function watchWindow({ stack }: Stage, signal: AbortSignal): Promise<{ tickets: number; usedMb: number }> {
  const most = { tickets: 0, usedMb: 0 };
  while (!signal.aborted) {
    const used = await stack.redis(async (client) => Number(infoField(await client.info('memory'), 'used_memory')));
    most.tickets = Math.max(most.tickets, (await stack.queue()).tickets ?? 0);
    most.usedMb = Math.max(most.usedMb, used / 1024 ** 2);
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return most;
}
