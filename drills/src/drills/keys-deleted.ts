import { eventually } from '@morningai/testbed/eventually';
import type { Redis } from 'ioredis';
import type { Drill } from '../drill.ts';
import { markingKeys } from '../redis-marks.ts';

const ROUNDS = 3;
const LIST_MS = 1_500;

export const keysDeleted: Drill = {
  name: 'keys-deleted',
  row: 'R4',
  fault: `half of the keys in Redis are deleted at random, then one list; ${ROUNDS} times`,
  expected: 'what had its ticket there gets another within seconds',
  accepts: 'every',
  workers: 'healthy',
  async run(stage) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await markingKeys(stage, (transaction, keys) => {
        transaction.del(...keys.filter((_, index) => index === 0 || stage.random() < 0.5));
      });
      await stage.load.untilAccepted(10);
      const list = await stage.stack.redis((redis) =>
        eventually(() => deleteList(redis), { deadlineMs: LIST_MS, everyMs: 1, signal: stage.signal }).catch(
          () => null,
        ),
      );
      if (list === null) stage.note('no list was met in Redis');
      else
        stage.mark({ what: `length of ${list.key}`, before: String(list.length), after: '0', left: list.length > 0 });
    }
  },
};

/** @throws while there is none */
async function deleteList(redis: Redis): Promise<{ key: string; length: number }> {
  for (const key of await redis.keys('*')) {
    if ((await redis.type(key)) !== 'list') continue;
    const answers = await redis.multi().llen(key).del(key).exec();
    const length = Number(answers?.[0]?.[1] ?? 0);
    if (length > 0) return { key, length };
  }
  throw new Error('no list in Redis');
}
