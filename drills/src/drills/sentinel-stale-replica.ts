import { probeClient } from '@morningai/queue/redis-clients';
import type { Backend } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import type { Redis } from 'ioredis';
import type { Drill, Stage } from '../drill.ts';
import { failOver, rolesOf, type Roles } from '../failover.ts';
import { epochsStarted } from '../read-log.ts';

const CUT_MS = 10_000;

export const sentinelStaleReplica: Drill = {
  name: 'sentinel-stale-replica',
  row: 'R5',
  fault:
    'three Sentinels: replication is cut, Redis is flushed and filled anew, then the primary is killed: the promoted replica has the epoch before',
  expected: 'the leader sees by epoch and beat that Redis forgot, and begins the next epoch; claims refuse old tickets',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  needsSentinels: true,
  async run(stage) {
    const { stack, load, mark, note } = stage;
    const roles = await rolesOf(stage);
    await cut(stage, roles);
    try {
      const stale = await on(roles.replica, holds);
      const { epoch } = await stack.queue();
      await on(roles.primary, (redis) => redis.flushall());
      await untilEpochAfter(stage, epoch);
      await load.untilAccepted(30);
      const lost = await on(roles.primary, holds);
      const before = await epochsStarted(stack.pool);
      await failOver(stage, roles);
      mark({ what: 'marker', before: lost.marker, after: stale.marker, left: lost.marker !== stale.marker });
      note(`${stale.keys} keys of an earlier epoch were promoted, ${lost.keys} keys of the newest were lost`);
      const after = await epochsStarted(stack.pool);
      mark({ what: 'epochs', before: String(before), after: String(after), left: after > before });
    } finally {
      await on(roles.replica, (redis) => redis.config('SET', 'masterauth', ''));
    }
  },
};

/** The replica is thrown out, and not let in again: it gives a password where none is known. */
async function cut({ signal }: Stage, { group, primary, replica }: Roles): Promise<void> {
  await on(replica, (redis) => redis.config('SET', 'masterauth', 'wrong'));
  await on(primary, (redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'replica'));
  const isCut = async () => {
    if ((await group.replication(replica)).isInStep) throw new Error('the replica still follows');
  };
  await eventually(isCut, { deadlineMs: CUT_MS, signal });
}

async function untilEpochAfter({ stack, signal }: Stage, before: number | null): Promise<void> {
  const rose = async () => {
    const { epoch } = await stack.queue();
    if (epoch === null || epoch <= (before ?? 0)) throw new Error(`the epoch is still ${epoch}`);
  };
  await eventually(rose, { deadlineMs: CUT_MS, everyMs: 20, signal });
}

async function holds(redis: Redis): Promise<{ readonly marker: string; readonly keys: number }> {
  // BullMQ calls a key of each queue so too, one level deeper.
  const key = (await redis.keys('*:marker')).find((one) => one.split(':').length === 2) ?? '';
  const [term, epoch, beat] = await redis.hmget(key, 'term', 'epoch', 'beat');
  return { marker: `term ${term}, epoch ${epoch}, beat ${beat}`, keys: await redis.dbsize() };
}

async function on<T>(server: Backend, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = probeClient(server.url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
