import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { markingProcess } from '../redis-marks.ts';

export const redisWiped: Drill = {
  name: 'redis-wiped',
  row: 'R2',
  fault: 'Redis is killed with SIGKILL, its data is deleted, and it comes back empty',
  expected: 'work goes on without it; a new epoch is filled from the log',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const redis = stage.stack.component('redis');
    const size = () => stage.stack.redis((client) => client.dbsize());
    const before = await size();
    await markingProcess(stage, async () => {
      await redis.kill();
      await redis.wipe();
      await untilLane(stage, 'log');
      await delay(stage.pauseMs, undefined, { signal: stage.signal });
      // No client of the stack gets in before its keys were counted.
      stage.stack.proxies.redis.refuse();
      await redis.start();
      const after = await size();
      stage.mark({ what: 'DBSIZE', before: String(before), after: String(after), left: before > 0 && after === 0 });
      stage.stack.proxies.redis.pass();
    });
    await untilLane(stage, 'queue');
  },
};
