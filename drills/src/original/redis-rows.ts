/** What the original did when its Redis went away. */
import { eventually } from '@morningai/testbed/eventually';
import { startWorker } from '../drill-worker.ts';
import type { Stage } from '../drill.ts';
import { openOutsideWorld, type Call } from '../outside-world.ts';
import { completedOf, get, withoutRedis } from './outcomes.ts';
import { must, type Row } from './row.ts';

const AGENTS = ['drill-effect'];

/** Redis is killed, and comes back empty, while a call of a task's only effect is at this point. */
async function killedDuring(stage: Stage, point: (call: Call) => boolean): Promise<string> {
  const there = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using world = await openOutsideWorld(async (call) => {
    if (!point(call)) return;
    there.resolve();
    await goOn.promise;
  });
  await using worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-effect' });
  const task = await stage.load.submit({ agent: 'drill-effect', input: {} });
  await there.promise;
  const completed = await withoutRedis(stage, async () => {
    goOn.resolve();
    return completedOf(stage, [task]);
  });
  const effects = world.calls.filter(({ kind }) => kind === 'effect').length;
  const isAlive = await Promise.race([worker.ended.then(() => false), Promise.resolve(true)]);
  must(completed === 1 && effects === 1 && isAlive, `${completed} done, ${effects} effects`);
  return `${completed === 1 ? 'done' : 'not done'} while Redis was dead, ${effects} call, worker ${isAlive ? 'alive' : 'dead'}`;
}

export const REDIS_ROWS: readonly Row[] = [
  {
    scenario: 'Redis killed without persistence, 8 tasks queued',
    original: '8 lost; the database says `queued` for ever',
    async measure(stage) {
      await using world = await openOutsideWorld();
      // The agent is made known, and its worker leaves: the tasks wait with their tickets in Redis.
      await (await startWorker(stage, { world, agents: AGENTS, workerId: 'original-known' })).kill();
      const tasks = await Promise.all(
        Array.from({ length: 8 }, () => stage.load.submit({ agent: 'drill-effect', input: {} })),
      );
      await stage.stack.component('redis').kill();
      await stage.stack.component('redis').wipe();
      await stage.stack.component('redis').start();
      await using _worker = await startWorker(stage, { world, agents: AGENTS, workerId: 'original-later' });
      const completed = await completedOf(stage, tasks);
      const effects = world.calls.filter(({ kind }) => kind === 'effect').length;
      must(completed === 8 && effects === 8, `${completed} of 8 done, ${effects} effects`);
      return `${8 - completed} lost, ${completed} done, ${effects} effects`;
    },
  },
  {
    scenario: 'POST while Redis is down, 4 times',
    original: '4 × 503, nothing stored',
    measure: (stage) =>
      withoutRedis(stage, async () => {
        const setbacks = () => [...stage.load.book.setbacks.values()].reduce((sum, times) => sum + times, 0);
        const before = setbacks();
        const tasks = await Promise.all(
          Array.from({ length: 4 }, () => stage.load.submit({ agent: 'echo', input: { delayMs: 50 } })),
        );
        must(setbacks() === before, 'a request was not accepted at once');
        const completed = await completedOf(stage, tasks);
        must(completed === 4, `${completed} of 4 done`);
        return `${tasks.length} × 202, ${completed} done during the outage`;
      }),
  },
  {
    scenario: 'Redis dies after the effect',
    original: '`running` for ever, worker process exits',
    measure: (stage) => killedDuring(stage, ({ kind, what }) => kind === 'reached' && what === 'between'),
  },
  {
    scenario: 'Redis dies during the model call',
    original: '2 model calls, task stuck',
    measure: (stage) => killedDuring(stage, ({ kind }) => kind === 'effect'),
  },
  {
    scenario: 'health with Redis dead',
    original: '200 "healthy, connected"; `/health/redis` does not exist',
    measure: (stage) =>
      withoutRedis(stage, async () => {
        const { healthUrl } = stage.stack.urls;
        const redis = await eventually(
          async () => {
            const answer = await get(stage, '/health/redis', healthUrl);
            must(answer.status === 503, `/health/redis answers ${answer.status}`);
            return answer.status;
          },
          { signal: stage.signal },
        );
        const ready = await get(stage, '/health/ready', healthUrl);
        const live = await get(stage, '/health/live', healthUrl);
        const body = await ready.text();
        must(
          ready.status === 200 && live.status === 200 && body.includes('degraded'),
          `ready ${ready.status}: ${body}`,
        );
        return `/health/redis ${redis}; ready ${ready.status} and "degraded"; live ${live.status}`;
      }),
  },
  {
    scenario: 'reading a task during the outage',
    original: '404',
    measure: async (stage) => {
      const task = await stage.load.submit({ agent: 'echo', input: {} });
      return withoutRedis(stage, async () => {
        const { status } = await get(stage, `/v1/tasks/${task}`);
        must(status === 200, `it answers ${status}`);
        return String(status);
      });
    },
  },
];
