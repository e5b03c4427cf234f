import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { markingProcess } from '../redis-marks.ts';

export const redisKilled: Drill = {
  name: 'redis-killed',
  row: 'R1',
  fault: 'Redis is killed with SIGKILL, and comes back with its data',
  expected: 'work goes on without it; the queue lane is back by itself',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const redis = stage.stack.component('redis');
    await markingProcess(stage, async () => {
      await redis.kill();
      await untilLane(stage, 'log');
      await delay(stage.pauseMs, undefined, { signal: stage.signal });
      await redis.start();
    });
    await untilLane(stage, 'queue');
  },
};
