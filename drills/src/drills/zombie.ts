import { eventually } from '@morningai/testbed/eventually';
import { startWorker } from '../drill-worker.ts';
import type { Drill } from '../drill.ts';
import { openOutsideWorld, type Call } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';

const AGENT = 'drill-effect-zombie';
const ZOMBIE = 'drill-zombie';
const TASKS = 3;
const AWAKE_MS = 15_000;

export const zombie: Drill = {
  name: 'zombie',
  row: 'W2',
  fault: 'a worker is frozen in the middle of its tasks until its leases have run out, wakes, and finishes them',
  expected: 'its results are fenced: another has done the tasks, and each outcome is recorded once',
  accepts: 'every',
  workers: 'hurt',
  async run(stage) {
    const begun = Promise.withResolvers<void>();
    const awake = Promise.withResolvers<void>();
    let waiting = 0;
    // The zombie's attempts stop before their effect until it is awake again.
    const hold = async ({ kind, worker, what }: Call) => {
      if (kind !== 'reached' || worker !== ZOMBIE || what !== 'before') return;
      if ((waiting += 1) === TASKS) begun.resolve();
      await awake.promise;
    };
    await using world = await openOutsideWorld(hold);
    const options = { world, agents: [AGENT] };
    await using frozen = await startWorker(stage, { ...options, workerId: ZOMBIE });
    const tasks = await Promise.all(
      Array.from({ length: TASKS }, () => stage.load.submit({ agent: AGENT, input: {} })),
    );
    await begun.promise;
    await frozen.freeze();
    await using next = await startWorker(stage, { ...options, workerId: 'drill-heir' });
    await untilFinished(stage, tasks);
    const heirs = new Set(world.calls.filter(({ worker }) => worker !== ZOMBIE).map(({ worker }) => worker));
    stage.mark({
      what: 'worked on by',
      before: ZOMBIE,
      after: [...heirs].join(),
      left: heirs.has('drill-heir'),
    });
    frozen.thaw();
    awake.resolve();
    stage.note(`pid ${frozen.pid} frozen, pid ${next.pid} has done its tasks`);
    // It is heard again only when it has been told of its lost claims: its slots are free then.
    await eventually(
      async () => {
        const { agents } = await stage.stack.queue();
        if (agents.some(({ running, agent }) => agent === AGENT && running > 0)) throw new Error('still running');
      },
      { deadlineMs: AWAKE_MS, signal: stage.signal },
    );
    const probe = await stage.load.submit({ agent: AGENT, input: {} });
    await untilFinished(stage, [probe]);
  },
};
