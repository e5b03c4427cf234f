import type { Redis } from 'ioredis';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { markingProcess } from '../redis-marks.ts';

export const staleCopy: Drill = {
  name: 'stale-copy',
  row: 'R5',
  fault: 'Redis is killed, and what answers in its place has the data of some time ago',
  expected: 'old tickets appear again and claims refuse them; what is missing is filled in',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, load } = stage;
    const copy = await stack.redis(copyOf);
    await load.untilAccepted(30);
    const lost = await stack.redis(async (redis) => {
      const now = new Set(await redis.keys('*'));
      return { now: now.size, differ: [...copy.keys()].filter((key) => !now.has(key)).length };
    });
    await markingProcess(stage, async () => {
      const redis = stack.component('redis');
      // Nobody gets in until the old data is there: to its clients it is one failover.
      stack.redisProxy.refuse();
      await redis.wipe();
      if (redis.state === 'down') await redis.start();
      await stack.redis((client) => restore(client, copy));
      stack.redisProxy.pass();
    });
    const after = await stack.redis((redis) => redis.dbsize());
    stage.mark({ what: 'keys restored', before: String(lost.now), after: String(after), left: copy.size > 0 });
    stage.note(`${lost.differ} of ${copy.size} restored keys were gone before the failover`);
    await untilLane(stage, 'queue');
  },
};

/** Every key, as Redis dumps it. */
async function copyOf(redis: Redis): Promise<ReadonlyMap<string, Buffer>> {
  const copy = new Map<string, Buffer>();
  for (const key of await redis.keys('*')) {
    const dump = await redis.dumpBuffer(key);
    if (dump !== null) copy.set(key, dump);
  }
  return copy;
}

async function restore(redis: Redis, copy: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [key, dump] of copy) await redis.restore(key, 0, dump);
}
