/** A stack to be hurt: as `start` would run it, with a proxy between its services and each backend, and a look behind each of them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readQueue, type QueueState } from '@morningai/cli/commands/queue';
import type { ComponentName, StackComponent } from '@morningai/cli/stack/component';
import type { StackFile } from '@morningai/cli/stack/stack-file';
import { openTemporaryStack } from '@morningai/cli/stack/temporary-stack';
import { openPool, type Pool } from '@morningai/log/pool';
import { probeClient } from '@morningai/queue/redis-clients';
import type { Component, RedisFlavour } from '@morningai/testbed';
import { openRedisGroup, type RedisGroup } from '@morningai/testbed/redis-group';
import { openProxy, type Proxy } from '@morningai/testbed/proxy';
import type { Redis } from 'ioredis';

export type DrillStack = AsyncDisposable & {
  /** False: it was there before the drill, and has no proxies. */
  readonly isOwn: boolean;
  readonly urls: StackFile;
  readonly versions: string;
  component(name: ComponentName): StackComponent;
  /** Between the services and each backend. */
  readonly proxies: Readonly<Record<Component, Proxy>>;
  /** Where Redis fails over: its servers and Sentinels, which are reached without a proxy. Null: there is one Redis. */
  readonly group: RedisGroup | null;
  readonly pool: Pool;
  /** Redis itself, not through the proxy; for the time of the call. */
  redis<T>(use: (redis: Redis) => Promise<T>): Promise<T>;
  queue(): Promise<QueueState>;
  readonly logFolder: string;
  /** What a service has logged so far. */
  log(service: 'orchestrator' | 'ingest' | 'agents'): Promise<string>;
  /** pid or container id. */
  idOf(name: ComponentName): string;
};

export type DrillStackOptions = {
  /** Of the built-in worker. */
  readonly slots: number;
  /** Which server stands in the place of Redis; default: Redis. */
  readonly redis?: RedisFlavour;
  /** Redis fails over: a primary, a replica and three Sentinels. */
  readonly sentinels?: boolean;
  /** Backends that are reached through their proxies; default: all. What passes costs this process time. */
  readonly proxied?: readonly Component[];
  /** What the services are told beside that. */
  readonly serviceEnv?: Readonly<Record<string, string>>;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
};

export async function openDrillStack(options: DrillStackOptions): Promise<DrillStack> {
  const resources = new AsyncDisposableStack();
  try {
    const proxies: Partial<Record<Component, Proxy>> = {};
    const group = options.sentinels ? resources.use(await openGroup(options)) : null;
    const stack = await openTemporaryStack({
      name: 'drill',
      isForDrills: true,
      progress: options.progress,
      signal: options.signal,
      // A Redis that comes back with its data must have it on disk; one that comes back empty is wiped.
      redisPersistence: 'appendonly',
      ...(options.redis && { redisFlavour: options.redis }),
      serviceEnv: { ...options.serviceEnv, WORKER_SLOTS: String(options.slots) },
      ...(group && { urls: { redis: group.url } }),
      through: async (component, url) => {
        // Sentinels name the servers themselves, and clients go there.
        if (url === group?.url) return url;
        const proxy = resources.use(await openProxy({ target: url }));
        proxies[component] = proxy;
        return options.proxied?.includes(component) === false ? url : proxy.through(url);
      },
    });
    resources.use(stack);
    const { postgres, redis, nats } = proxies;
    if (!postgres || !nats || !(redis || group)) throw new Error('a backend was not opened');
    const urls = stack.describe();
    const pool = resources.adopt(openPool({ url: urls.databaseUrl, name: 'drill' }), (one) => one.close());
    return {
      isOwn: true,
      versions: stack.testbed.describe(),
      group,
      proxies: {
        postgres,
        nats,
        get redis() {
          if (redis) return redis;
          throw new Error('there is no proxy before a Redis that fails over');
        },
      },
      ...looksBehind({ urls, pool, component: stack.component, logFolder: stack.logFolder }),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

function openGroup({ redis, progress, signal }: DrillStackOptions): Promise<RedisGroup> {
  progress(`starting ${redis ?? 'redis'}: a primary, a replica and three Sentinels`);
  return openRedisGroup({ progress, signal, ...(redis && { redisFlavour: redis }) });
}

type Behind = Pick<DrillStack, 'urls' | 'pool' | 'component' | 'logFolder'>;

/** What is the same for every stack. */
export function looksBehind({ urls, pool, component, logFolder }: Behind) {
  return {
    urls,
    pool,
    component,
    logFolder,
    async redis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
      const redis = probeClient(urls.redisUrl);
      try {
        return await use(redis);
      } finally {
        redis.disconnect();
      }
    },
    queue: () => readQueue(urls),
    log: (service: string) => readFile(join(logFolder, `${service}.log`), 'utf8'),
    idOf(name: ComponentName) {
      const { entry } = component(name);
      if (entry === null) return 'none';
      return 'pid' in entry ? `pid ${entry.pid}` : `container ${entry.containerId.slice(0, 12)}`;
    },
  };
}
