import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { untilLane } from '../lanes.ts';
import { markRise } from '../nemeses/nemesis.ts';
import { halfReplied, reset } from '../nemeses/wire-faults.ts';

const FATE = { row: 'R8', lastsMs: [0, 0], isDown: false } as const;

export const redisBroken: Drill = {
  name: 'redis-broken',
  row: 'R8',
  fault: 'connections to Redis are reset, then its replies are cut in half, then it refuses connections',
  expected: 'what became of a command is unknown; to repeat it is harmless',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    await endure(stage, reset('redis', FATE));
    await untilLane(stage, 'queue');
    await endure(stage, halfReplied('redis', FATE));
    await untilLane(stage, 'queue');
    const { redis } = stage.stack.proxies;
    const before = redis.marks.resets;
    redis.refuse();
    try {
      await untilLane(stage, 'log');
      markRise(stage, 'connections that were refused', before, redis.marks.resets);
    } finally {
      redis.pass();
    }
    await untilLane(stage, 'queue');
  },
};
