import { infoField } from '@morningai/queue/redis-info';
import { eventually } from '@morningai/testbed/eventually';
import { setTimeout as delay } from 'node:timers/promises';
import { startWorker } from '../drill-worker.ts';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';

const AGENT = 'drill-quick-overdue';
/** "100,000", for 1,000 tasks. */
const TIMES = 100;
const TASKS_MAX = 100_000;
/** The window, and the quarter by which it may be exceeded. */
const TICKETS_MAX = 25_000;
const REDIS_MAX_MB = 32;
const FILL_MS = 15_000;
const SLOTS = 200;

export const overdue: Drill = {
  name: 'overdue',
  row: 'R13',
  fault: `Redis is away, and so is every worker of an agent with ${TIMES} tasks for each task of the load; then both come back`,
  expected: 'tickets are filled in up to the window and no further, and requests are accepted as before',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, signal, load, mark, note, violated } = stage;
    await using world = await openOutsideWorld();
    // So that the agent is known.
    await (await startWorker(stage, { world, agents: [AGENT], workerId: 'drill-overdue-0' })).kill();
    const redis = stack.component('redis');
    const before = stack.idOf('redis');
    await redis.kill();
    const tasks = await (async () => {
      try {
        const submitted = await load.submitMany(Math.min(TASKS_MAX, TIMES * stage.tasks), { agent: AGENT, input: {} });
        await delay(stage.pauseMs, undefined, { signal });
        return submitted;
      } finally {
        await redis.start();
      }
    })();
    mark({ what: 'redis', before, after: stack.idOf('redis'), left: before !== stack.idOf('redis') });
    await untilLane(stage, 'queue');
    const filled = async () => {
      const { tickets } = await stack.queue();
      if (tickets === null || tickets < Math.min(tasks.length, TICKETS_MAX) / 2) throw new Error(`${tickets} tickets`);
      return tickets;
    };
    const tickets = await eventually(filled, { deadlineMs: FILL_MS, signal });
    const usedMb = await stack.redis(
      async (client) => Number(infoField(await client.info('memory'), 'used_memory')) / 1024 ** 2,
    );
    note(`${tasks.length} overdue: ${tickets} have a ticket, Redis uses ${usedMb.toFixed(1)} MB`);
    if (tickets > TICKETS_MAX) violated(`${tickets} tickets at once`);
    if (usedMb > REDIS_MAX_MB) violated(`Redis uses ${usedMb.toFixed(1)} MB`);
    await using worker = await startWorker(stage, {
      world,
      agents: [AGENT],
      workerId: 'drill-overdue-1',
      slots: SLOTS,
    });
    const startedAt = performance.now();
    await untilFinished(stage, tasks);
    note(`done by pid ${worker.pid} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  },
};
