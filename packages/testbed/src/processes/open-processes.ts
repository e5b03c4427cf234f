import { join } from 'node:path';
import type { Backend, Component } from '../backend.ts';
import { TestbedError } from '../errors.ts';
import type { OpenContext } from '../open-context.ts';
import { onFreePort } from '../on-free-port.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { ensureDebianRoot } from './debian-root.ts';
import { whyNotFetch } from './fetch-debian-root.ts';
import { natsProgram } from './nats.ts';
import { postgresProgram } from './postgres.ts';
import { createProcessBackend } from './process-backend.ts';
import type { Program } from './program.ts';
import { redisProgram } from './redis.ts';

export async function openProcesses(components: readonly Component[], context: OpenContext): Promise<Backend[]> {
  const binaries = await ensureBinaries(components, context);
  const opening = components.map((component) => {
    const program = programFor(component, binaries, context);
    const home = join(context.dataFolder, component);
    const create = (port: number) => createProcessBackend({ program, home, port, run: context.run });
    return onFreePort(context.ports[component], create, context.signal);
  });
  // When one fails the others are waited for all the same: nothing may start after the clean-up.
  await Promise.allSettled(opening);
  return Promise.all(opening);
}

/** The programs of these components: installed, or fetched. @throws TestbedError BACKENDS_UNAVAILABLE, FETCH_FAILED */
export async function ensureBinaries(
  components: readonly Component[],
  context: Pick<OpenContext, 'redisFlavour' | 'searchPath' | 'cacheFolders' | 'run' | 'progress' | 'signal'>,
): Promise<Binaries> {
  const installed = await findBinaries(components, context.redisFlavour, context.searchPath);
  const missing = components.filter((component) => !installed[component]);
  if (missing.length === 0) return installed;
  const root = await ensureDebianRoot({ ...context, whyNot: whyNotFetch() }).catch((error: unknown) => {
    if (!(error instanceof TestbedError) || error.code !== 'BACKENDS_UNAVAILABLE') throw error;
    throw new TestbedError('BACKENDS_UNAVAILABLE', unavailable(missing, error.message));
  });
  const bin = join(root, 'bin');
  const fetched: Required<Binaries> = {
    postgres: { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') },
    redis: join(bin, `${context.redisFlavour}-server`),
    nats: join(bin, 'nats-server'),
  };
  return { ...fetched, ...installed };
}

function unavailable(missing: readonly Component[], why: string): string {
  return `This machine has no ${missing.join(', ')} in a version that fits, and they cannot be fetched: ${why}.
Do one of these:
- install PostgreSQL 17 with pgvector, Redis 8 (or Valkey 8) and NATS 2.10 or newer, so that initdb, postgres,
  redis-server and nats-server are on PATH;
- start a Docker engine that has, or can pull, the images;
- run once as root on Debian or Ubuntu: they are then fetched by themselves;
- name servers you have with DATABASE_URL, REDIS_URL and NATS_URL.`;
}

function programFor(component: Component, binaries: Binaries, context: OpenContext): Program {
  const { postgres, redis, nats } = binaries;
  if (component === 'postgres' && postgres) return postgresProgram(postgres);
  if (component === 'redis' && redis) return redisProgram(redis, context.redisPersistence);
  if (component === 'nats' && nats) {
    const monitorPort = context.natsMonitorPort;
    return natsProgram(nats, { name: `testbed-${context.run.id}`, ...(monitorPort !== undefined && { monitorPort }) });
  }
  throw new TestbedError('BACKENDS_UNAVAILABLE', `no program for ${component}`);
}
