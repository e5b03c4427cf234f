import { eventually } from '@morningai/testbed/eventually';
import { startWorker } from '../drill-worker.ts';
import type { Drill, Stage } from '../drill.ts';
import { openOutsideWorld, type Call, type OutsideWorld } from '../outside-world.ts';
import { untilFinished } from '../read-log.ts';

const ROUNDS = 3;
const ZOMBIES = 2;
/** Of each round, as a share of the tasks of the load. */
const SHARE = 0.2;
const BEGUN_MS = 30_000;
const FENCED_MS = 30_000;

export const zombieStorm: Drill = {
  name: 'zombie-storm',
  row: 'W2',
  fault: `again and again: ${ZOMBIES} workers full of tasks are frozen until their leases have run out, others do the tasks, and they wake`,
  expected: 'every attempt of theirs is told that it is fenced; each outcome is recorded once',
  accepts: 'every',
  workers: 'hurt',
  async run(stage) {
    let fenced = 0;
    for (let round = 1; round <= ROUNDS; round += 1) fenced += await storm(stage, round);
    const each = tasksOf(stage);
    stage.mark({ what: 'fenced attempts', before: '0', after: String(fenced), left: fenced === ROUNDS * each });
  },
};

function tasksOf({ tasks }: Stage): number {
  return Math.max(ZOMBIES, Math.ceil(SHARE * tasks));
}

/** @returns how many attempts were told that they are fenced */
async function storm(stage: Stage, round: number): Promise<number> {
  const agent = `drill-effect-storm-${round}`;
  const count = tasksOf(stage);
  const awake = Promise.withResolvers<void>();
  // Before their effect, until they are awake again.
  const hold = async ({ what, worker }: Call) => {
    if (what === 'before' && worker.startsWith('drill-zombie')) await awake.promise;
  };
  await using world = await openOutsideWorld(hold);
  await using workers = new AsyncDisposableStack();
  const start = async (workerId: string, slots: number) =>
    workers.use(await startWorker(stage, { world, agents: [agent], workerId, slots }));
  const slots = Math.ceil(count / ZOMBIES);
  const zombies = await Promise.all(
    Array.from({ length: ZOMBIES }, (_, n) => start(`drill-zombie-${round}-${n}`, slots)),
  );
  const tasks = await stage.load.submitMany(count, { agent, input: {} });
  await heard(world, 'before', count, { deadlineMs: BEGUN_MS, signal: stage.signal });
  await Promise.all(zombies.map((zombie) => zombie.freeze()));
  await start(`drill-heir-${round}`, count);
  await untilFinished(stage, tasks);
  for (const zombie of zombies) zombie.thaw();
  awake.resolve();
  await heard(world, 'fenced', count, { deadlineMs: FENCED_MS, signal: stage.signal }).catch(() =>
    stage.signal.throwIfAborted(),
  );
  return world.calls.filter(({ what }) => what === 'fenced').length;
}

function heard(
  world: OutsideWorld,
  word: string,
  count: number,
  options: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const all = () => {
    const so = world.calls.filter(({ what }) => what === word).length;
    if (so < count) throw new Error(`${so} of ${count} tasks said "${word}"`);
  };
  return eventually(all, options);
}
