import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { untilLane } from '../lanes.ts';
import { redisFull as nemesis } from '../nemeses/redis-faults.ts';

/** At least: a write must have been tried meanwhile. */
const FULL_MS = 1_000;

export const redisFull: Drill = {
  name: 'redis-full',
  row: 'R9',
  fault: 'Redis is full: maxmemory is reached, and with noeviction it refuses every write',
  expected: 'tasks are accepted and done; tickets are offered again once there is room',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    await endure(stage, nemesis, { forMs: Math.max(FULL_MS, stage.pauseMs) });
    await untilLane(stage, 'queue');
  },
};
