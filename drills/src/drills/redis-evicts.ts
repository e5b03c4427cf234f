import { infoField } from '@morningai/queue/redis-info';
import { eventually } from '@morningai/testbed/eventually';
import type { Drill } from '../drill.ts';

const WARNING_MS = 15_000;

export const redisEvicts: Drill = {
  name: 'redis-evicts',
  row: 'R9',
  fault:
    'the eviction policy of Redis is changed to allkeys-lru while it runs, and memory gets short: it erases tickets, without an error',
  expected: 'the policy is warned about and not relied upon; tasks are accepted and done',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { stack, signal, violated } = stage;
    const evicted = () => stack.redis(async (redis) => Number(infoField(await redis.info('stats'), 'evicted_keys')));
    const before = await evicted();
    const logged = (await stack.log('orchestrator')).length;
    try {
      await stack.redis(async (redis) => {
        await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
        await redis.config('SET', 'maxmemory', '1');
      });
      await stage.load.untilAccepted(20);
      const warned = async () => {
        const lines = (await stack.log('orchestrator')).slice(logged).split('\n');
        const warning = lines.find((line) => /"level":(40|50)/.test(line) && /evict|maxmemory.policy/i.test(line));
        if (warning === undefined) throw new Error('the orchestrator has not warned of the eviction policy');
        return (JSON.parse(warning) as { msg: string }).msg;
      };
      await eventually(warned, { deadlineMs: WARNING_MS, signal }).then(
        (message) => stage.note(`warned: "${message}"`),
        (error: Error) => violated(error.message),
      );
    } finally {
      await stack.redis(async (redis) => {
        await redis.config('SET', 'maxmemory', '0');
        await redis.config('SET', 'maxmemory-policy', 'noeviction');
      });
    }
    const after = await evicted();
    stage.mark({ what: 'keys evicted', before: String(before), after: String(after), left: after > before });
  },
};
