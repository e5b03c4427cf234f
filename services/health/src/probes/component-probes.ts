/** The six probes of this installation, each shared by all who ask. */
import type { Logger } from '@morningai/service/logger';
import { COMPONENTS, mapComponents, type Component, type ProbeResult, type ProbeResults } from '../domain/component.ts';
import { secretsOf } from '@morningai/service/secrets';
import type { HealthConfig } from '../config.ts';
import { grpcHealthProbe } from './grpc-health.ts';
import { httpProbe } from './http.ts';
import { natsProbe } from './nats.ts';
import { postgresProbe } from './postgres.ts';
import { runProbe, type Probe } from './probe.ts';
import { redisProbe } from './redis.ts';
import { share } from './share.ts';

/** How old a result may be for the next who asks. */
export const REUSE_MS = 250;

export type ComponentProbes = {
  probe(component: Component): Promise<ProbeResult>;
  /** All at once: none waits for another. */
  probeAll(): Promise<ProbeResults>;
};

/** @param redisUrl which Redis has the tickets now */
export function createComponentProbes(
  config: HealthConfig,
  logger: Logger,
  redisUrl: () => Promise<string>,
): ComponentProbes {
  const secrets = [config.databaseUrl, config.redisUrl, config.natsUrl, config.ingestUrl].flatMap(secretsOf);
  const probes = probesOf(config, redisUrl);
  const shared = mapComponents((component) => {
    const note = noteChanges(component, logger);
    return share(async () => note(await runProbe(probes[component], config.probeMs, secrets)), REUSE_MS);
  });
  return {
    probe: (component) => shared[component](),
    probeAll: async () => {
      const results = await Promise.all(COMPONENTS.map(async (one) => [one, await shared[one]()] as const));
      return Object.fromEntries(results) as ProbeResults;
    },
  };
}

function probesOf(config: HealthConfig, redisUrl: () => Promise<string>): Readonly<Record<Component, Probe>> {
  return {
    postgres: postgresProbe(config.databaseUrl),
    redis: redisProbe(redisUrl),
    nats: natsProbe(config.natsUrl),
    orchestrator: grpcHealthProbe(config.orchestratorAddress),
    ingest: httpProbe(new URL('health/live', withSlash(config.ingestUrl)).href),
    memory: grpcHealthProbe(config.memoryAddress),
  };
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

/** One log line when a component goes away, one when it is back; a component that is up from the start is no news. */
function noteChanges(component: Component, logger: Logger): (result: ProbeResult) => ProbeResult {
  let wasUp = true;
  return (result) => {
    if (!result.up && wasUp) logger.warn({ component, why: result.reason }, 'component is down');
    if (result.up && !wasUp) logger.info({ component }, 'component is up again');
    wasUp = result.up;
    return result;
  };
}
