import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { untilLane } from '../lanes.ts';
import { redisCrowded, redisPassword, redisReadOnly, redisScriptsFlushed } from '../nemeses/redis-faults.ts';

export const redisUnwilling: Drill = {
  name: 'redis-unwilling',
  row: 'R11',
  fault:
    'Redis becomes a read-only replica; its password is changed; it has as many clients as it may have; its scripts are flushed',
  expected: 'the log lane takes over and says why; no service dies of it; callers see nothing',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { stack, signal, note, violated } = stage;
    const before = stack.idOf('orchestrator');
    for (const nemesis of [redisReadOnly, redisPassword, redisCrowded]) {
      await endure(stage, nemesis, {
        async meanwhile() {
          await untilLane(stage, 'log');
          await delay(stage.pauseMs, undefined, { signal });
          note(`${nemesis.name}: "${(await stack.queue()).why}"`);
        },
      });
      await untilLane(stage, 'queue');
    }
    await endure(stage, redisScriptsFlushed);
    await stage.load.untilAccepted(20);
    await untilLane(stage, 'queue');
    if (stack.idOf('orchestrator') !== before) violated('the orchestrator has died of it');
  },
};
