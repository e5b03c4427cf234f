import { startWorker, type DrillWorker } from '../drill-worker.ts';
import type { Drill, Stage } from '../drill.ts';
import { openOutsideWorld, type OutsideWorld } from '../outside-world.ts';
import { failureOf, untilFinished } from '../read-log.ts';

/** How a task ruins its worker, and the cause that must be recorded. */
const POISONS = [
  { how: 'throw', code: 'AGENT_ERROR' },
  { how: 'output', code: 'OUTPUT_TOO_LARGE' },
  { how: 'abort', code: 'WORKER_LOST' },
  { how: 'memory', code: 'WORKER_LOST' },
  { how: 'hang', code: 'WORKER_LOST' },
] as const;

export const poison: Drill = {
  name: 'poison',
  row: 'W3',
  fault: 'tasks that throw, return 10 MB, abort their worker, eat its memory, or block it for ever',
  expected: 'each fails with its cause after its attempts; the tasks beside them are done',
  accepts: 'every',
  workers: 'hurt',
  run: (stage) => swallowAll(stage, { atOnce: false }),
};

export const poisonAtOnce: Drill = {
  ...poison,
  name: 'poison-at-once',
  fault: `${poison.fault}: before the worker could say that it has begun`,
  run: (stage) => swallowAll(stage, { atOnce: true }),
};

async function swallowAll(stage: Stage, { atOnce }: { readonly atOnce: boolean }): Promise<void> {
  await using world = await openOutsideWorld();
  const results = await Promise.all(POISONS.map((one) => swallow(stage, world, { ...one, atOnce })));
  for (const result of results) stage.note(result);
}

type Poison = (typeof POISONS)[number] & { readonly atOnce: boolean };

/** Each has an agent and a worker of its own, which is started again when it dies, as a supervisor would. */
async function swallow(stage: Stage, world: OutsideWorld, { how, code, atOnce }: Poison): Promise<string> {
  const workers: DrillWorker[] = [];
  const agent = `drill-poison-${how}${atOnce ? '-at-once' : ''}`;
  const start = async () => {
    const workerId = `${agent}-${workers.length}`;
    const worker = await startWorker(stage, { world, agents: [agent], workerId });
    workers.push(worker);
    return worker;
  };
  const over = Promise.withResolvers<'over'>();
  const keepRunning = async (first: DrillWorker) => {
    let worker: DrillWorker | undefined = first;
    // One that meets the poison before it is ready has ended, too.
    while ((await Promise.race([over.promise, worker?.ended])) !== 'over') {
      worker = await start().catch(() => undefined);
    }
  };
  const running = keepRunning(await start());
  try {
    const task = await stage.load.submit({ agent, input: { how, atOnce }, outcome: 'failed' });
    await untilFinished(stage, [task]);
    const failure = await failureOf(stage.stack.pool, task);
    if (failure !== code) stage.violated(`"${how}" failed with ${failure ?? 'nothing'}, not ${code}`);
    stage.mark({
      what: `task that does "${how}"`,
      before: 'queued',
      after: failure ?? 'open',
      left: failure !== undefined,
    });
    return `${how}: ${failure ?? 'open'}`;
  } finally {
    over.resolve('over');
    await running.catch(() => undefined);
    await Promise.all(workers.map((worker) => worker.kill()));
  }
}
