/**
 * Real Postgres, Redis and NATS for the demo, `start`, tests and drills, with the same faults whoever provides them:
 * containers, processes of ours, or servers named by URL. Nothing is left behind, however this process ends (run.ts).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { type Backend, COMPONENTS, type Component, type Provider } from './backend.ts';
import { openOwn } from './choose-provider.ts';
import { readConfig } from './config.ts';
import { TestbedError } from './errors.ts';
import { tryLock } from './kernel-lock.ts';
import type { OpenContext } from './open-context.ts';
import type { RedisFlavour } from './processes/binaries.ts';
import type { RedisPersistence } from './processes/redis.ts';
import { openRun } from './run.ts';
import { sweep } from './sweep.ts';
import { createUrlBackend } from './urls/url-backend.ts';

export type { Backend, Component, Provider } from './backend.ts';
export { TestbedError, type TestbedErrorCode } from './errors.ts';
export type { RedisFlavour, RedisPersistence };

export interface Testbed extends AsyncDisposable {
  /** Who provides the components that were not given by URL. */
  readonly provider: Provider;
  /** Throws `COMPONENT_NOT_OPENED`. */
  backend(component: Component): Backend;
  readonly postgres: Backend;
  readonly redis: Backend;
  readonly nats: Backend;
  /** What runs, in one line: `processes (postgres 17.11, redis 8.0.2, nats 2.10.27)`. */
  describe(): string;
  /** Ends everything. Data in a folder the caller named is kept. The same as disposing it. */
  close(): Promise<void>;
}

export interface TestbedOptions {
  /** Default: all three. */
  components?: readonly Component[];
  /** Default: a temporary folder, deleted on close. A folder given is kept, and used again by the next start. */
  dataFolder?: string;
  /** Default: free loopback ports. */
  ports?: Partial<Record<Component, number>>;
  /** Default: TESTBED; else containers where an engine answers and its images can be had; else processes. */
  provider?: Exclude<Provider, 'urls'>;
  /** Components that run elsewhere: never killed, wiped, or frozen. */
  urls?: Partial<Record<Component, string>>;
  redisFlavour?: RedisFlavour;
  /** Default `none`. */
  redisPersistence?: RedisPersistence;
  /** Default: NATS has no monitoring port. */
  natsMonitorPort?: number;
  /** One line of what takes long: fetching, waiting for another run. */
  progress?: (line: string) => void;
  signal?: AbortSignal;
}

/** Opens and starts the components; resolves when all of them answer. */
export async function openTestbed(options: TestbedOptions = {}): Promise<Testbed> {
  const progress = options.progress ?? (() => undefined);
  const components = [...new Set(options.components ?? COMPONENTS)];
  const urls = options.urls ?? {};
  const own = components.filter((component) => urls[component] === undefined);
  const held = await holdDataFolder(options.dataFolder);
  const run = openRun();
  const close = async () => {
    await run.close();
    held?.release();
  };
  try {
    await sweep(progress);
    const context: OpenContext = {
      ...readConfig(),
      run,
      dataFolder: held?.folder ?? run.folder,
      keepData: held !== undefined,
      ports: options.ports ?? {},
      redisFlavour: options.redisFlavour ?? 'redis',
      redisPersistence: options.redisPersistence ?? 'none',
      natsMonitorPort: options.natsMonitorPort,
      progress,
      signal: options.signal,
    };
    const given = await openGiven(components, urls);
    const { provider, backends } = await openOwn(own, options.provider, context);
    options.signal?.throwIfAborted();
    const { redisFlavour, keepData } = context;
    return createTestbed([...given, ...backends], { provider, redisFlavour, keepData, close });
  } catch (error) {
    await close();
    throw error;
  }
}

async function openGiven(components: readonly Component[], urls: Partial<Record<Component, string>>) {
  const given = components.flatMap((component) => {
    const url = urls[component];
    return url === undefined ? [] : [createUrlBackend(component, url)];
  });
  await Promise.all(given.map((backend) => backend.start()));
  return given;
}

interface Opened {
  provider: Provider;
  redisFlavour: RedisFlavour;
  keepData: boolean;
  close(): Promise<void>;
}

function createTestbed(backends: readonly Backend[], { provider, redisFlavour, ...ending }: Opened): Testbed {
  const backend = (component: Component) => {
    const found = backends.find((candidate) => candidate.component === component);
    if (!found) throw new TestbedError('COMPONENT_NOT_OPENED', `this testbed was opened without ${component}`);
    return found;
  };
  let closing: Promise<void> | undefined;
  const close = async () => {
    // Data that is kept is left in order; for data that goes away there is nothing to wait for.
    if (ending.keepData) await Promise.allSettled(backends.map((open) => open.stop()));
    await ending.close();
  };
  return {
    provider,
    backend,
    get postgres() {
      return backend('postgres');
    },
    get redis() {
      return backend('redis');
    },
    get nats() {
      return backend('nats');
    },
    describe() {
      const named = backends.map(({ component, version, provider: by }) => {
        const name = component === 'redis' && by === provider ? redisFlavour : component;
        return `${name} ${version ?? '?'}${by === provider ? '' : ' by URL'}`;
      });
      return `${provider} (${named.join(', ')})`;
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** Two testbeds on one data folder would start two servers on the same files. */
async function holdDataFolder(path: string | undefined) {
  if (path === undefined) return undefined;
  mkdirSync(path, { recursive: true });
  const folder = realpathSync(path);
  const name = createHash('sha256').update(folder).digest('hex');
  const held = await tryLock(`data ${name}`);
  if (!held) throw new TestbedError('DATA_FOLDER_IN_USE', `another testbed that is running uses ${folder}`);
  return { folder, release: () => held.release() };
}
