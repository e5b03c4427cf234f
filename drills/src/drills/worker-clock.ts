import { startWorker } from '../drill-worker.ts';
import type { Drill } from '../drill.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';

const HOUR_MS = 3_600_000;
const TASKS = 20;

export const workerClock: Drill = {
  name: 'worker-clock',
  row: 'R12',
  fault: 'of two workers one has a clock that is an hour ahead, the other one that is an hour behind',
  expected: 'each task is done once; no lease runs out, and nothing is early or late',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    await using world = await openOutsideWorld();
    const agents = ['drill-effect-clock'];
    await using ahead = await startWorker(stage, { world, agents, workerId: 'drill-ahead', skewMs: HOUR_MS });
    await using behind = await startWorker(stage, { world, agents, workerId: 'drill-behind', skewMs: -HOUR_MS });
    const input = { workMs: 1_000 };
    const tasks = await Promise.all(
      Array.from({ length: TASKS }, () => stage.load.submit({ agent: 'drill-effect-clock', input })),
    );
    await untilFinished(stage, tasks);
    const done = (worker: string) =>
      world.calls.filter((call) => call.worker === worker && call.what === 'after').length;
    const [early, late] = [done('drill-ahead'), done('drill-behind')];
    stage.mark({
      what: 'tasks done an hour ahead, an hour behind',
      before: '0, 0',
      after: `${early}, ${late}`,
      left: early > 0 && late > 0,
    });
    stage.note(`pids ${ahead.pid} and ${behind.pid}`);
    const effects = world.calls.filter(({ kind }) => kind === 'effect').length;
    if (effects !== TASKS) stage.violated(`${effects} effects of ${TASKS} tasks`);
  },
};
