import { setTimeout as delay } from 'node:timers/promises';
import { openTestbed } from '@morningai/testbed';
import { probeClient } from '@morningai/queue/redis-clients';
import { startWorker } from '../drill-worker.ts';
import type { Drill } from '../drill.ts';
import { openOutsideWorld } from '../outside-world.ts';
import { epochsStarted, untilFinished } from '../read-log.ts';
import { startSecondOrchestrator } from '../second-orchestrator.ts';

const AGENT = 'drill-effect-split';
const ROUNDS = 2;
/** A leader that is frozen is replaced within 1.9 s. */
const FROZEN_MS = 2_500;

export const twoPrimaries: Drill = {
  name: 'two-primaries',
  row: 'R6',
  fault:
    'two orchestrators, each with a Redis of its own that it takes for the only one; each of them leads for a while',
  expected: 'both may offer a task; one attempt is recorded, and one outcome',
  accepts: 'again',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { stack, load, signal, mark } = stage;
    await using other = await openTestbed({ components: ['redis'], signal });
    await using second = await startSecondOrchestrator(stage, { redisUrl: other.redis.url });
    await using world = await openOutsideWorld();
    const agents = [AGENT];
    await using near = await startWorker(stage, { world, agents, workerId: 'drill-near' });
    await using far = await startWorker(stage, { world, agents, workerId: 'drill-far', address: second.address });
    const before = await epochsStarted(stack.pool);
    const tasks: string[] = [];
    const submit = async () => {
      const more = Array.from({ length: 20 }, () => load.submit({ agent: AGENT, input: { workMs: 100 } }));
      tasks.push(...(await Promise.all(more)));
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      await submit();
      const orchestrator = stack.component('orchestrator');
      await orchestrator.freeze();
      try {
        // The second one leads, and fills the other Redis; what the first has filled is still there.
        await delay(FROZEN_MS, undefined, { signal });
      } finally {
        await orchestrator.thaw();
      }
      await submit();
    }
    await untilFinished(stage, tasks);
    const keys = probeClient(other.redis.url);
    const filled = await keys.dbsize().finally(() => keys.disconnect());
    mark({ what: 'keys in the other Redis', before: '0', after: String(filled), left: filled > 0 });
    const after = await epochsStarted(stack.pool);
    mark({ what: 'epochs', before: String(before), after: String(after), left: after > before });
    const by = (worker: string) => world.calls.filter((call) => call.worker === worker && call.what === 'after').length;
    stage.note(`${by('drill-near')} tasks by pid ${near.pid}, ${by('drill-far')} by pid ${far.pid}`);
    const effects = new Map<string, number>();
    for (const { kind, what } of world.calls) if (kind === 'effect') effects.set(what, (effects.get(what) ?? 0) + 1);
    const twice = [...effects.values()].filter((times) => times > 1).length;
    if (twice > 0) stage.violated(`${twice} effects were had more than once`);
  },
};
