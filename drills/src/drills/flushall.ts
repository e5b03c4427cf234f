import type { Drill } from '../drill.ts';
import { markingKeys } from '../redis-marks.ts';

const TIMES = 3;

export const flushall: Drill = {
  name: 'flushall',
  row: 'R3',
  fault: `FLUSHALL at peak, ${TIMES} times`,
  expected: 'what runs is finished and recorded; what waits gets new tickets',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    for (let time = 0; time < TIMES; time += 1) {
      await markingKeys(stage, (transaction) => void transaction.flushall());
      await stage.load.untilAccepted(10);
    }
  },
};
