import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { comeBack, failOver, rolesOf } from '../failover.ts';

export const sentinelFailover: Drill = {
  name: 'sentinel-failover',
  row: 'R5',
  fault: 'three Sentinels: the primary is killed with SIGKILL, the replica is promoted, the former primary comes back',
  expected: 'work goes on without Redis until the failover is over; then tickets flow from the new primary',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  needsSentinels: true,
  async run(stage) {
    const roles = await rolesOf(stage);
    await failOver(stage, roles);
    await delay(stage.pauseMs, undefined, { signal: stage.signal });
    await comeBack(stage, roles);
    await stage.load.untilAccepted(10);
  },
};
