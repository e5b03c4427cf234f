import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { copyOf, restore } from '../redis-copy.ts';
import { markingProcess } from '../redis-marks.ts';

export const staleCopy: Drill = {
  name: 'stale-copy',
  row: 'R5',
  fault: 'Redis is killed, and what answers in its place has the data of some time ago',
  expected: 'old tickets appear again and claims refuse them; what is missing is filled in',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
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
      stack.proxies.redis.refuse();
      await redis.wipe();
      if (redis.state === 'down') await redis.start();
      await stack.redis((client) => restore(client, copy));
      stack.proxies.redis.pass();
    });
    const after = await stack.redis((redis) => redis.dbsize());
    stage.mark({ what: 'keys restored', before: String(lost.now), after: String(after), left: copy.size > 0 });
    stage.note(`${lost.differ} of ${copy.size} restored keys were gone before the failover`);
    await untilLane(stage, 'queue');
  },
};
