import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { untilLane } from '../lanes.ts';
import { frozen } from '../nemeses/component-faults.ts';
import { slow } from '../nemeses/wire-faults.ts';

/** "35 s", for a pause of 3 s. */
const FROZEN_PAUSES = 12;

export const redisSlow: Drill = {
  name: 'redis-slow',
  row: 'R10',
  fault: `Redis answers 50 to 500 ms later, then not at all: it is frozen for ${FROZEN_PAUSES} times as long as a pause`,
  expected: 'requests are accepted as before; work goes on by tickets that come late, and without them',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    await endure(stage, slow('redis', { row: 'R10', lastsMs: [0, 0], isDown: false }));
    const fate = { row: 'R10', lastsMs: [0, 0], isDown: true, mayExpire: false } as const;
    await endure(stage, frozen('redis', fate), { forMs: FROZEN_PAUSES * stage.pauseMs });
    await untilLane(stage, 'queue');
  },
};
