import { startWorker } from '../drill-worker.ts';
import type { Drill } from '../drill.ts';
import { openOutsideWorld, type Call } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';

const VICTIM = 'drill-killed';
const POINTS = ['before', 'between', 'after'] as const;

export const workerKilled: Drill = {
  name: 'worker-killed',
  row: 'W1',
  fault:
    'a worker is killed with SIGKILL while one task is before its effect, one between effect and record, one after the record',
  expected: 'each is done by the next attempt; a recorded effect is not had again, another under the same key',
  accepts: 'every',
  workers: 'hurt',
  async run(stage) {
    const points = new Map<string, string>();
    const there = Promise.withResolvers<void>();
    const held = new Set<string>();
    const never = new Promise<void>(() => undefined);
    // Each task of the first worker is held where it is to die.
    const hold = async ({ kind, task, worker: by, what }: Call) => {
      if (kind !== 'reached' || by !== VICTIM) return;
      if (!points.has(task)) points.set(task, POINTS[points.size] ?? '');
      if (points.get(task) !== what) return;
      held.add(task);
      if (held.size === POINTS.length) there.resolve();
      await never;
    };
    await using world = await openOutsideWorld(hold);
    const options = { world, agents: ['drill-effect'] };
    const worker = await startWorker(stage, { ...options, workerId: VICTIM });
    const tasks = await Promise.all(POINTS.map(() => stage.load.submit({ agent: 'drill-effect', input: {} })));
    await there.promise;
    await worker.kill();
    await using next = await startWorker(stage, { ...options, workerId: 'drill-next' });
    stage.mark({
      what: 'worker',
      before: `pid ${worker.pid}`,
      after: `pid ${next.pid}`,
      left: worker.pid !== next.pid,
    });
    await untilFinished(stage, tasks);

    for (const task of tasks) {
      const effects = world.calls.filter((call) => call.kind === 'effect' && call.task === task);
      const point = points.get(task) ?? '';
      const wanted = point === 'between' ? 2 : 1;
      stage.note(`killed ${point} ${point === 'between' ? 'effect and record' : 'it'}: effect had ${effects.length} ×`);
      if (effects.length !== wanted)
        stage.violated(`the effect was had ${effects.length} times, not ${wanted} (${point})`);
      if (new Set(effects.map(({ what }) => what)).size !== 1) stage.violated('the key of the effect has changed');
    }
  },
};
