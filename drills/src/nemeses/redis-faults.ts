/** What may happen to what Redis holds, or to who may write it. */
import { setTimeout as delay } from 'node:timers/promises';
import { infoField } from '@morningai/queue/redis-info';
import { probeClient } from '@morningai/queue/redis-clients';
import type { Redis } from 'ioredis';
import { copyOf, restore } from '../redis-copy.ts';
import { errorCount, markingKeys, runIdOf } from '../redis-marks.ts';
import { markChange, markRise, untilFelt, type Nemesis, type Scene } from './nemesis.ts';

/** Of Redis' configuration. */
async function settingOf(redis: Redis, name: string): Promise<string> {
  const [, value = ''] = await redis.config('GET', name);
  return value;
}

const REDIS = { target: 'redis', isDown: false, mayExpire: false } as const;

export const redisWiped: Nemesis = {
  ...REDIS,
  name: 'redis-wiped',
  row: 'R2',
  what: 'Redis is killed with SIGKILL, its data is deleted, and it comes back empty',
  lastsMs: [200, 6_500],
  isDown: true,
  async inject({ stack, mark, onHeal }) {
    const redis = stack.component('redis');
    const before = await stack.redis(runIdOf);
    onHeal(async () => {
      await redis.start();
      markChange({ mark }, 'run_id of Redis', before, await stack.redis(runIdOf));
    });
    await redis.kill();
    await redis.wipe();
  },
};

export const flushall: Nemesis = {
  ...REDIS,
  name: 'flushall',
  row: 'R3',
  what: 'FLUSHALL',
  lastsMs: [300, 300],
  inject: (scene) => markingKeys(scene, (transaction) => void transaction.flushall()),
};

export const keysDeleted: Nemesis = {
  ...REDIS,
  name: 'keys-deleted',
  row: 'R4',
  what: 'half of the keys in Redis are deleted at random',
  lastsMs: [300, 300],
  inject: (scene) =>
    markingKeys(scene, (transaction, keys) => {
      transaction.del(...keys.filter((_, index) => index === 0 || scene.random() < 0.5));
    }),
};

export const staleCopy: Nemesis = {
  ...REDIS,
  name: 'stale-copy',
  row: 'R5',
  what: 'what answers in the place of Redis has the data of some time ago',
  lastsMs: [500, 2_500],
  needsOwnStack: true,
  async inject({ stack, forMs, signal, mark, onHeal }) {
    const copy = await stack.redis(copyOf);
    await delay(forMs / 2, undefined, { signal });
    const proxy = stack.proxies.redis;
    const redis = stack.component('redis');
    const before = await stack.redis(runIdOf);
    onHeal(async () => {
      await redis.start();
      proxy.pass();
      markChange({ mark }, 'run_id of Redis', before, await stack.redis(runIdOf));
    });
    // Nobody gets in until the old data is there: to its clients it is one failover.
    proxy.refuse();
    await redis.wipe();
    await redis.start();
    await stack.redis((client) => restore(client, copy));
    proxy.pass();
  },
};

/** A fault of Redis' own settings, counted by the errors that it answers. */
function refusing(
  fault: Pick<Nemesis, 'name' | 'row' | 'what' | 'needsOwnStack'> & {
    readonly error: string;
    /** @returns what undoes it */
    make(admin: Redis): Promise<() => Promise<unknown>>;
  },
): Nemesis {
  const { error, make, ...named } = fault;
  return {
    ...REDIS,
    ...named,
    lastsMs: [500, 3_000],
    async inject(scene) {
      const admin = await openAdmin(scene);
      const before = await errorCount(admin, error);
      const undo = await make(admin);
      scene.onHeal(async () => {
        markRise(scene, `errors ${error} of Redis`, before, await errorCount(admin, error));
        await undo();
      });
      await untilFelt(scene, () => errorCount(admin, error), before);
    },
  };
}

/** A connection that outlives what is done to those of others. */
async function openAdmin({ stack, onHeal }: Pick<Scene, 'stack' | 'onHeal'>): Promise<Redis> {
  const admin = probeClient(stack.urls.redisUrl);
  onHeal(async () => admin.disconnect());
  await admin.connect();
  return admin;
}

export const redisFull: Nemesis = refusing({
  name: 'redis-full',
  row: 'R9',
  what: 'Redis is full: maxmemory is reached, and it refuses every write',
  error: 'OOM',
  async make(admin) {
    const before = await settingOf(admin, 'maxmemory');
    await admin.config('SET', 'maxmemory', '1');
    return () => admin.config('SET', 'maxmemory', before);
  },
});

export const redisReadOnly: Nemesis = refusing({
  needsOwnStack: true,
  name: 'redis-read-only',
  row: 'R11',
  what: 'Redis becomes a replica of nobody it can reach: it refuses every write',
  error: 'READONLY',
  async make(admin) {
    await admin.replicaof('127.0.0.1', 1);
    return () => admin.replicaof('NO', 'ONE');
  },
});

const ADMIN = 'drill-admin';

export const redisPassword: Nemesis = refusing({
  needsOwnStack: true,
  name: 'redis-password',
  row: 'R11',
  what: 'the password of Redis is changed, and its clients are thrown out',
  error: 'NOAUTH',
  async make(admin) {
    await admin.acl('SETUSER', ADMIN, 'on', 'nopass', '~*', '&*', '+@all');
    await admin.call('AUTH', ADMIN, 'any');
    await admin.acl('SETUSER', 'default', 'resetpass', '>changed');
    await admin.call('CLIENT', 'KILL', 'USER', 'default', 'SKIPME', 'yes');
    return async () => {
      await admin.acl('SETUSER', 'default', 'resetpass', 'nopass');
      await admin.call('AUTH', 'default', 'any');
      await admin.acl('DELUSER', ADMIN);
    };
  },
});

export const redisScriptsFlushed: Nemesis = {
  ...REDIS,
  name: 'redis-scripts-flushed',
  row: 'R11',
  what: 'SCRIPT FLUSH',
  lastsMs: [300, 300],
  async inject({ stack, mark }) {
    const count = async (redis: Redis) => Number(infoField(await redis.info('memory'), 'number_of_cached_scripts'));
    const { before, after } = await stack.redis(async (redis) => {
      const before = await count(redis);
      const answers = await redis.multi().script('FLUSH').info('memory').exec();
      return { before, after: Number(infoField(String(answers?.[1]?.[1]), 'number_of_cached_scripts')) };
    });
    mark({ what: 'scripts cached by Redis', before: String(before), after: String(after), left: after < before });
  },
};

/** Who makes the fault is in. */
const CLIENTS_MAX = 1;

export const redisCrowded: Nemesis = {
  ...REDIS,
  name: 'redis-crowded',
  row: 'R11',
  what: 'Redis throws its clients out, and lets none in: maxclients is reached',
  lastsMs: [500, 3_000],
  async inject(scene) {
    const admin = await openAdmin(scene);
    const rejected = async () => Number(infoField(await admin.info('stats'), 'rejected_connections'));
    const [before, most] = [await rejected(), await settingOf(admin, 'maxclients')];
    scene.onHeal(async () => {
      markRise(scene, 'connections that Redis rejected', before, await rejected());
      await admin.config('SET', 'maxclients', most);
    });
    await admin.config('SET', 'maxclients', CLIENTS_MAX);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await untilFelt(scene, rejected, before);
  },
};
