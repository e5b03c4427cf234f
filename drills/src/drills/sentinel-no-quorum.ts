import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { comeBack, failOver, rolesOf } from '../failover.ts';
import { untilLane } from '../lanes.ts';

/** Longer than Sentinels take to call a primary down, and to agree. */
const AT_LEAST_MS = 4_000;

export const sentinelNoQuorum: Drill = {
  name: 'sentinel-no-quorum',
  row: 'R6',
  fault:
    'two of three Sentinels and the primary are killed: nobody is promoted; the two come back with an old view of things, and agree',
  expected: 'work goes on without Redis for as long as they do not agree; then tickets flow from the new primary',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  needsSentinels: true,
  async run(stage) {
    const { pauseMs, signal, mark } = stage;
    const roles = await rolesOf(stage);
    const { group, primary, replica } = roles;
    const away = group.sentinels.slice(0, 2);
    for (const sentinel of away) await sentinel.kill();
    await primary.kill();
    await untilLane(stage, 'log');
    await delay(Math.max(pauseMs, AT_LEAST_MS), undefined, { signal });
    const { role } = await group.replication(replica);
    mark({ what: 'role of the replica without a quorum', before: 'slave', after: role, left: role === 'slave' });
    for (const sentinel of away) await sentinel.start();
    await failOver(stage, roles);
    await comeBack(stage, roles);
  },
};
