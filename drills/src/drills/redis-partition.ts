import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { untilLane } from '../lanes.ts';

/** Longer than the 2 s a command may take: the clients must have noticed. */
const AT_LEAST_MS = 3_000;

export const redisPartition: Drill = {
  name: 'redis-partition',
  row: 'R7',
  fault: 'Redis is cut off silently: bytes are swallowed, connections stay open',
  expected: 'commands time out, the log lane takes over, and the queue lane is back by itself',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { redis: redisProxy } = stage.stack.proxies;
    const before = redisProxy.marks.swallowedBytes;
    redisProxy.blackHole();
    await delay(Math.max(stage.pauseMs, AT_LEAST_MS), undefined, { signal: stage.signal });
    const after = redisProxy.marks.swallowedBytes;
    stage.mark({ what: 'bytes swallowed', before: String(before), after: String(after), left: after > before });
    redisProxy.pass();
    await untilLane(stage, 'queue');
  },
};
