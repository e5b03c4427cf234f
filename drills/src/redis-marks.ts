/** What a fault did to Redis, as Redis itself says. */
import { infoField } from '@morningai/queue/redis-info';
import { eventually } from '@morningai/testbed/eventually';
import type { ChainableCommander, Redis } from 'ioredis';
import type { Stage } from './drill.ts';

type Marked = Pick<Stage, 'stack' | 'signal' | 'mark'>;

const KEYS_MS = 10_000;

/** Runs the fault and marks that another process, or none, answers. */
export async function markingProcess(stage: Marked, fault: () => Promise<void>): Promise<void> {
  const runId = () => stage.stack.redis(runIdOf);
  const before = await runId();
  await fault();
  const after = await runId();
  stage.mark({ what: 'run_id of Redis', before, after, left: before !== after });
}

/**
 * Runs the fault, of one transaction, and marks that keys are gone: nobody adds any between the counts. Waits until there is one to lose.
 * @param fault adds its commands, given the keys of a moment before
 */
export async function markingKeys(
  stage: Marked,
  fault: (transaction: ChainableCommander, keys: readonly string[]) => void,
): Promise<void> {
  const { stack, signal } = stage;
  const act = (redis: Redis) => async () => {
    const keys = await redis.keys('*');
    if (keys.length === 0) throw new Error('Redis is empty');
    const transaction = redis.multi().dbsize();
    fault(transaction, keys);
    const answers = await transaction.dbsize().exec();
    const [before, after] = [Number(answers?.at(0)?.[1]), Number(answers?.at(-1)?.[1])];
    if (after >= before) throw new Error(`DBSIZE was ${before} and is ${after}`);
    return { before, after };
  };
  const { before, after } = await stack.redis((redis) => eventually(act(redis), { deadlineMs: KEYS_MS, signal }));
  stage.mark({ what: 'DBSIZE', before: String(before), after: String(after), left: after < before });
}

/** Another one for each process that answers. */
export async function runIdOf(redis: Redis): Promise<string> {
  return infoField(await redis.info('server'), 'run_id').slice(0, 8);
}

/** How often Redis has answered with this error. */
export async function errorCount(redis: Redis, error: string): Promise<number> {
  const count = /count=(\d+)/.exec(infoField(await redis.info('errorstats'), `errorstat_${error}`))?.[1];
  return Number(count ?? 0);
}
