/** The whole system on this machine: real backends, and every service as a process of its own. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@morningai/core/errors';
import {
  openTestbed,
  type Component,
  type RedisFlavour,
  type RedisPersistence,
  type Testbed,
} from '@morningai/testbed';
import { isFree, reservePort } from '@morningai/testbed/ports';
import { backendComponent, serviceComponent, type ComponentName, type StackComponent } from './component.ts';
import { openControl, type Control } from './control.ts';
import { healthUrl, ingestUrl, orchestratorAddress, servicesOf, type StackAddresses } from './services.ts';
import { removeStackFile, writeStackFile, type StackFile } from './stack-file.ts';
import { supervise, type Supervised } from './supervisor.ts';

export type StackOptions = {
  /** Data, logs and stack.json. */
  readonly folder: string;
  /** Where the faq agent puts its documents. */
  readonly publishFolder: string;
  /** Undefined: a free one. */
  readonly ports: { readonly [name in 'ingest' | 'health' | 'orchestrator']?: number | undefined };
  /** Backends that run elsewhere. */
  readonly urls: Partial<Record<Component, string>>;
  /** Undefined: the folder's own, made at the first start. */
  readonly apiKey: string | undefined;
  /** Default: a killed Redis comes back empty. */
  readonly redisPersistence?: RedisPersistence;
  /** Which server stands in the place of Redis; default: Redis. */
  readonly redisFlavour?: RedisFlavour;
  /** What the services are told of beside their addresses. */
  readonly serviceEnv?: Readonly<Record<string, string>>;
  /** Where the services reach a backend, when that is not where it is: a proxy that hurts. */
  readonly through?: (component: Component, url: string) => Promise<string>;
  /** Drills may hurt it without being asked twice. */
  readonly isForDrills?: boolean;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
};

export type Stack = AsyncDisposable & {
  readonly testbed: Testbed;
  component(name: ComponentName): StackComponent;
  /** As it stands in stack.json. */
  describe(): StackFile;
  readonly logFolder: string;
};

const COMPONENTS: readonly Component[] = ['postgres', 'redis', 'nats'];
const READY_MS = 60_000;
const READY_POLL_MS = 100;

export async function openStack(options: StackOptions): Promise<Stack> {
  const { folder, publishFolder, progress, signal, urls } = options;
  const logFolder = join(folder, 'logs');
  await mkdir(logFolder, { recursive: true });
  const apiKey = options.apiKey ?? (await keyOf(folder));
  const { ports, release } = await choosePorts(options.ports);

  progress('starting postgres, redis and nats');
  const testbed = await openTestbed({
    dataFolder: join(folder, 'data'),
    urls,
    progress,
    signal,
    ...(options.redisPersistence && { redisPersistence: options.redisPersistence }),
    ...(options.redisFlavour && { redisFlavour: options.redisFlavour }),
  });
  const reached = async (name: Component) => {
    const { url } = testbed.backend(name);
    return (await options.through?.(name, url)) ?? url;
  };
  const addresses: StackAddresses = {
    databaseUrl: await reached('postgres'),
    redisUrl: await reached('redis'),
    natsUrl: await reached('nats'),
    apiKey,
    ports,
    publishFolder,
  };
  progress(`backends: ${testbed.describe()}`);

  const services: Supervised[] = [];
  let components: readonly StackComponent[] = [];
  let control: Control | undefined;
  const describe = (): StackFile => ({
    ingestUrl: ingestUrl(addresses),
    healthUrl: healthUrl(addresses),
    apiKey,
    databaseUrl: testbed.postgres.url,
    redisUrl: testbed.redis.url,
    natsUrl: testbed.nats.url,
    orchestratorAddress: orchestratorAddress(addresses),
    ...(control && { control: control.path }),
    ...(options.isForDrills && { isForDrills: true }),
    processes: Object.fromEntries([
      ...COMPONENTS.flatMap((name) => {
        const { running } = testbed.backend(name);
        return running === undefined ? [] : [[name, running]];
      }),
      ...services.flatMap(({ name, pid }) => (pid === null ? [] : [[name, { pid }]])),
    ]),
  });

  // Written one after the other, each time with what is true then. Whoever finds it finds a stack that takes orders.
  let writing: Promise<void> = Promise.resolve();
  let closed = false;
  const changed = () => {
    writing = writing.then(() => (closed || control === undefined ? undefined : writeStackFile(folder, describe())));
  };
  const close = async () => {
    closed = true;
    await control?.[Symbol.asyncDispose]();
    await Promise.all(services.map((service) => service.stop()));
    await writing;
    await removeStackFile(folder);
    await testbed.close();
    release();
  };

  try {
    // Of one that was killed: what it says is no longer true.
    await removeStackFile(folder);
    for (const component of COMPONENTS) testbed.backend(component).onExit(changed);
    progress('starting orchestrator, memory, ingest, health and agents');
    for (const spec of servicesOf(addresses)) {
      const env = { ...spec.env, ...options.serviceEnv };
      const logFile = join(logFolder, `${spec.name}.log`);
      services.push(await supervise({ ...spec, env }, { logFile, onChange: changed }));
    }
    await whenReady(addresses, services, logFolder, signal);
    components = componentsOf(testbed, services);
    const written = async () => {
      changed();
      await writing;
    };
    control = await openControl({ folder, components, changed: written });
    await written();
  } catch (error) {
    await close();
    throw error;
  }
  const component = (name: ComponentName) => {
    const found = components.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no component ${name}`);
    return found;
  };
  return { testbed, component, describe, logFolder, [Symbol.asyncDispose]: close };
}

function componentsOf(testbed: Testbed, services: readonly Supervised[]): readonly StackComponent[] {
  const own = services.map(serviceComponent);
  // A new log is made by an orchestrator that starts.
  const anew = async () => own.find(({ name }) => name === 'orchestrator')?.kill();
  return [
    backendComponent(testbed.postgres, anew),
    backendComponent(testbed.redis),
    backendComponent(testbed.nats),
    ...own,
  ];
}

/** @throws the signal's reason, or AppError BACKEND_START_FAILED */
async function whenReady(
  addresses: StackAddresses,
  services: readonly Supervised[],
  logFolder: string,
  signal: AbortSignal,
): Promise<void> {
  const late = AbortSignal.timeout(READY_MS);
  const ended = AbortSignal.any([signal, late]);
  const waiting = Promise.withResolvers<never>();
  waiting.promise.catch(() => undefined);
  const onEnd = () => waiting.reject(ended.reason as Error);
  ended.addEventListener('abort', onEnd, { once: true });
  try {
    ended.throwIfAborted();
    await Promise.race([Promise.all(services.map((service) => service.ready)), waiting.promise]);
    while (!(await isReady(`${ingestUrl(addresses)}/health/ready`, ended)))
      await delay(READY_POLL_MS, undefined, { signal: ended });
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new AppError('BACKEND_START_FAILED', `not ready within ${READY_MS / 1_000} s: see the logs in ${logFolder}`);
  } finally {
    ended.removeEventListener('abort', onEnd);
  }
}

async function isReady(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal }).catch(() => null);
  return response?.ok ?? false;
}

/** The same key at every start of the same folder. */
async function keyOf(folder: string): Promise<string> {
  const path = join(folder, 'api-key');
  const kept = await readFile(path, 'utf8').catch(() => null);
  if (kept !== null && kept.trim().length >= 16) return kept.trim();
  const key = `mai_dev_${randomBytes(24).toString('base64url')}`;
  await writeFile(path, `${key}\n`, { mode: 0o600 });
  return key;
}

async function choosePorts(wanted: StackOptions['ports']) {
  for (const [name, port] of Object.entries(wanted)) {
    if (port !== undefined && port !== 0 && !(await isFree(port))) {
      throw new AppError(
        'CONFIG_INVALID',
        `port ${port} is taken: give another one with --${name}-port, or 0 for any free one`,
      );
    }
  }
  const reserved = await Promise.all(Array.from({ length: 4 }, () => reservePort()));
  const [orchestrator, memory, ingest, health] = reserved.map(({ port }) => port) as [number, number, number, number];
  const ports = {
    orchestrator: wanted.orchestrator || orchestrator,
    memory,
    ingest: wanted.ingest || ingest,
    health: wanted.health || health,
  };
  return { ports, release: () => reserved.forEach((one) => one.release()) };
}
