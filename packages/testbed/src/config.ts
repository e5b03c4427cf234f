// The only reader of the environment in this package, and (PATH apart) only of names that begin with TESTBED.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Component, Provider } from './backend.ts';
import { TestbedError } from './errors.ts';

export interface TestbedConfig {
  /** TESTBED: forces a provider. */
  provider: Exclude<Provider, 'urls'> | undefined;
  /** TESTBED_CACHE, or the machine's usual place. The first folder is written to, the others only read. */
  cacheFolders: readonly [string, ...string[]];
  /** TESTBED_POSTGRES_IMAGE, TESTBED_REDIS_IMAGE, TESTBED_NATS_IMAGE. */
  images: Partial<Record<Component, string>>;
  /** Folders of PATH, where servers are looked for. */
  searchPath: readonly string[];
  /** False when nothing hints at a Docker engine: saves loading its client. */
  mayHaveEngine: boolean;
  /** TESTBED_DATABASE_URL, TESTBED_REDIS_URL, TESTBED_NATS_URL: what a whole test run uses instead of its own. */
  testUrls: Partial<Record<Component, string>>;
}

const SYSTEM_CACHE = '/var/cache/morningai/testbed';

export function readConfig(env: NodeJS.ProcessEnv = process.env): TestbedConfig {
  const provider = env['TESTBED'] || undefined;
  if (provider !== undefined && provider !== 'containers' && provider !== 'processes') {
    throw new TestbedError('TESTBED_CONFIG_INVALID', `TESTBED is "${provider}"; it may be "containers" or "processes"`);
  }
  return {
    provider,
    cacheFolders: cacheFolders(env['TESTBED_CACHE']),
    images: perComponent(env['TESTBED_POSTGRES_IMAGE'], env['TESTBED_REDIS_IMAGE'], env['TESTBED_NATS_IMAGE']),
    searchPath: (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    mayHaveEngine: mayHaveEngine(env),
    testUrls: perComponent(env['TESTBED_DATABASE_URL'], env['TESTBED_REDIS_URL'], env['TESTBED_NATS_URL']),
  };
}

function perComponent(postgres?: string, redis?: string, nats?: string): Partial<Record<Component, string>> {
  return { ...(postgres && { postgres }), ...(redis && { redis }), ...(nats && { nats }) };
}

/** The places testcontainers looks at. */
function mayHaveEngine(env: NodeJS.ProcessEnv): boolean {
  if (env['DOCKER_HOST'] || env['TESTCONTAINERS_HOST_OVERRIDE']) return true;
  const home = homedir();
  const places = ['.testcontainers.properties', '.docker/run/docker.sock', '.docker/desktop/docker.sock'];
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
  return ['/var/run/docker.sock', join(runtime, 'docker.sock'), ...places.map((place) => join(home, place))].some(
    (place) => existsSync(place),
  );
}

/** Root caches for the whole machine: the servers run as an unprivileged user, who cannot enter root's home. */
function cacheFolders(chosen: string | undefined): readonly [string, ...string[]] {
  if (chosen) return [chosen];
  if (process.getuid?.() === 0) return [SYSTEM_CACHE];
  return [join(homedir(), '.cache/morningai/testbed'), SYSTEM_CACHE];
}

/** For the watcher: what finds a Docker engine, without the options a debugger or test runner gave this process. */
export function watcherEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = env;
  return rest;
}
