import { eventually } from '@morningai/testbed/eventually';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';
import { errorCount } from '../redis-marks.ts';

const REFUSAL_MS = 10_000;

const refusedWrites = (redis: Redis) => errorCount(redis, 'OOM');

export const redisFull: Drill = {
  name: 'redis-full',
  row: 'R9',
  fault: 'Redis is full: maxmemory is reached, and with noeviction it refuses every write',
  expected: 'tasks are accepted and done; tickets are offered again once there is room',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    const { stack, signal } = stage;
    const before = await stack.redis(refusedWrites);
    try {
      await stack.redis((redis) => redis.config('SET', 'maxmemory', '1'));
      await delay(stage.pauseMs, undefined, { signal });
      const refused = async () => {
        const now = await stack.redis(refusedWrites);
        if (now === before) throw new Error('nothing was written');
        return now;
      };
      const after = await eventually(refused, { deadlineMs: REFUSAL_MS, signal }).catch(() => before);
      stage.mark({ what: 'writes refused (OOM)', before: String(before), after: String(after), left: after > before });
    } finally {
      await stack.redis((redis) => redis.config('SET', 'maxmemory', '0'));
    }
    await untilLane(stage, 'queue');
  },
};
