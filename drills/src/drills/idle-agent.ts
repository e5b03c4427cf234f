import { setTimeout as delay } from 'node:timers/promises';
import { startWorker } from '../drill-worker.ts';
import type { Drill, Stage } from '../drill.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { completionsBetween, untilFinished } from '../read-log.ts';
import { startSecondOrchestrator } from '../second-orchestrator.ts';

const BUSY = 'drill-quick-busy';
const IDLE = 'drill-quick-idle';
/** Tasks of the agent that nobody works on, for each task of the load. */
const TIMES = 20;

export const idleAgent: Drill = {
  name: 'idle-agent',
  row: 'O4',
  fault: `two orchestrators, and an agent without a worker that has ${TIMES} tasks for each task of the load`,
  expected: 'the tasks of the others are done as before',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    await using second = await startSecondOrchestrator(stage);
    await using world = await openOutsideWorld();
    const known = await startWorker(stage, { world, agents: [IDLE], workerId: 'drill-idle-0' });
    await known.kill();
    await using near = await startWorker(stage, { world, agents: [BUSY], workerId: 'drill-busy-1' });
    await using far = await startWorker(stage, {
      world,
      agents: [BUSY],
      workerId: 'drill-busy-2',
      address: second.address,
    });
    const alone = await rate(stage);
    const waiting = await stage.load.submitMany(TIMES * stage.tasks, { agent: IDLE, input: {} });
    const beside = await rate(stage);
    stage.note(
      `tasks done a second: ${alone.toFixed(0)} alone, ${beside.toFixed(0)} beside ${waiting.length} that nobody takes (${(beside / alone).toFixed(2)} ×)`,
    );
    stage.note(`pid ${near.pid} at the first orchestrator, pid ${far.pid} at the second`);
    const { agents } = await stage.stack.queue();
    const due = agents.find(({ agent }) => agent === IDLE)?.due ?? 0;
    stage.mark({ what: `due tasks of ${IDLE}`, before: '0', after: String(due), left: due >= waiting.length });
    await using late = await startWorker(stage, { world, agents: [IDLE], workerId: 'drill-idle-1', slots: 200 });
    await untilFinished(stage, waiting);
    stage.note(`then pid ${late.pid} came, and did them`);
  },
};

/** How many tasks of the busy agent, and of the load, are done a second while there are more of them than are done. */
async function rate(stage: Stage): Promise<number> {
  const from = Date.now();
  const tasks = await stage.load.submitMany(2 * stage.tasks, { agent: BUSY, input: {} });
  await untilFinished(stage, tasks);
  const to = Date.now();
  await delay(0);
  return completionsBetween(stage.stack.pool, from, to).then((done) => (1_000 * done) / (to - from));
}
