/** What a fault did to Redis, as Redis itself says. */
import type { Redis } from 'ioredis';
import type { Stage } from './drill.ts';

export function infoField(info: string, name: string): string {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
}

/** Runs the fault and marks that another process, or none, answers. */
export async function markingProcess(stage: Stage, fault: () => Promise<void>): Promise<void> {
  const runId = () => stage.stack.redis(async (redis) => infoField(await redis.info('server'), 'run_id').slice(0, 8));
  const before = await runId();
  await fault();
  const after = await runId();
  stage.mark({ what: 'run_id of Redis', before, after, left: before !== after });
}

/** Runs the fault and marks that keys are gone. */
export async function markingKeys(stage: Stage, fault: (redis: Redis) => Promise<void>): Promise<void> {
  await stage.stack.redis(async (redis) => {
    const before = await redis.dbsize();
    await fault(redis);
    const after = await redis.dbsize();
    stage.mark({ what: 'DBSIZE', before: String(before), after: String(after), left: after < before });
  });
}
