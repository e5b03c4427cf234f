import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createHttpServer, type HttpServer } from '@morningai/service/http';
import { withoutPassword, type Logger } from '@morningai/service/logger';
import type { HealthConfig } from './config.ts';
import { addComponentRoutes } from './http/component.ts';
import { addLiveRoute } from './http/live.ts';
import { addMetricsRoute } from './http/metrics.ts';
import { addReadyRoute } from './http/ready.ts';
import { addReportRoute } from './http/report.ts';
import { createComponentProbes, REUSE_MS } from './probes/component-probes.ts';
import { openFactsReader } from './probes/orchestrator-facts.ts';
import { createRedisUrl } from './probes/redis-url.ts';
import { share } from './probes/share.ts';

/** No route of health reads a body. */
const BODY_BYTES = 1024;

export type Health = AsyncDisposable & {
  /** "http://host:port" */
  readonly url: string;
};

/**
 * Starts and serves whatever is away: nothing is asked before somebody asks health. Disposing says `draining` on
 * /health/ready for `drainMs`, so that load balancers turn away first, and then closes.
 */
export async function createHealth(config: HealthConfig, logger: Logger): Promise<Health> {
  await using starting = new AsyncDisposableStack();
  const facts = starting.adopt(openFactsReader(config), (reader) => reader.close());
  const readFacts = share(facts.read, REUSE_MS);
  const probes = createComponentProbes(config, logger, createRedisUrl(config, readFacts));
  let draining = false;

  const http = starting.adopt(createHttpServer({ logger, bodyBytes: BODY_BYTES }), (server) => server.close());
  // An answer from a cache between would be about the past.
  http.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  addLiveRoute(http);
  addReadyRoute(http, probes, () => draining);
  addReportRoute(http, probes, readFacts);
  addComponentRoutes(http, probes);
  addMetricsRoute(http, probes, readFacts);
  await http.listen({ host: config.bindHost, port: config.port });
  const url = urlOf(http, config.bindHost);
  logger.info({ url, databaseUrl: withoutPassword(config.databaseUrl) }, 'health serves');

  starting.defer(async () => {
    draining = true;
    await delay(config.drainMs);
  });
  const running = starting.move();
  return { url, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function urlOf(http: HttpServer, host: string): string {
  const { port } = http.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
