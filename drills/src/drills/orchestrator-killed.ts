import { setTimeout as delay } from 'node:timers/promises';
import type { Drill, Stage } from '../drill.ts';

const KILLS = 2;

export const orchestratorKilled: Drill = {
  name: 'orchestrator-killed',
  row: 'O1',
  fault: `the orchestrator is killed with SIGKILL ${KILLS} times, then while it fills an emptied Redis, then frozen and woken`,
  expected: 'it converges; no healthy task loses an attempt that it never began',
  accepts: 'again',
  workers: 'healthy',
  async run(stage) {
    const { stack, random, signal } = stage;
    const orchestrator = stack.component('orchestrator');
    for (let time = 0; time < KILLS; time += 1) {
      await delay(300 * random(), undefined, { signal });
      await killed(stage);
    }
    await stack.redis((redis) => redis.flushall());
    await killed(stage);

    await orchestrator.freeze();
    stage.mark({
      what: 'orchestrator',
      before: 'running',
      after: orchestrator.state,
      left: orchestrator.state === 'frozen',
    });
    await delay(stage.pauseMs, undefined, { signal });
    await orchestrator.thaw();
    await stage.load.untilAccepted(10);
  },
};

async function killed({ stack, mark, load }: Stage): Promise<void> {
  const before = stack.idOf('orchestrator');
  await stack.component('orchestrator').kill();
  await stack.component('orchestrator').start();
  const after = stack.idOf('orchestrator');
  mark({ what: 'orchestrator', before, after, left: before !== after });
  await load.untilAccepted(10);
}
