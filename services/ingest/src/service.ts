/**
 * The edge: HTTP in, gRPC to the orchestrator. It keeps nothing: what it answered 202 for is in Postgres, what it has not
 * answered for is repeated by the caller. Starts without the orchestrator, and is not ready meanwhile.
 */
import { LIMITS } from '@morningai/core/limits';
import { createHttpServer } from '@morningai/service/http';
import { createLogger, type Logger } from '@morningai/service/logger';
import { untilItWorks } from '@morningai/service/retry';
import type { IngestConfig } from './config.ts';
import { createAuthenticate } from './http/authenticate.ts';
import { cancelTasksRoute, retryFailedRoute } from './http/end-many.ts';
import { cancelTaskRoute, retryTaskRoute } from './http/end-task.ts';
import { createOpenStreams } from './http/event-stream.ts';
import { liveRoute, readyRoute } from './http/health-routes.ts';
import { moveQueueRoute } from './http/move-queue.ts';
import { openApiRoute } from './http/openapi.ts';
import { originalFaqRoute, originalTaskRoute } from './http/original-routes.ts';
import { listAgentsRoute } from './http/read-agents.ts';
import { listEventsRoute } from './http/read-events.ts';
import { readQueueRoute } from './http/read-queue.ts';
import { getTaskRoute, listTasksRoute } from './http/read-tasks.ts';
import { listWorkersRoute } from './http/read-workers.ts';
import { registerRoutes } from './http/register-routes.ts';
import { sendError } from './http/send-error.ts';
import { submitBatchRoute } from './http/submit-batch.ts';
import { submitTaskRoute } from './http/submit-task.ts';
import { whyTaskRoute } from './http/why-task.ts';
import { openOrchestrator } from './rpc/orchestrator.ts';
import { createReadiness } from './rpc/readiness.ts';

export type Ingest = AsyncDisposable & {
  /** Where the HTTP API answers. */
  readonly url: string;
};

export type IngestOverrides = { readonly logger?: Logger };

/** A reader that does not read must not hold the drain up. */
const DRAIN_MS = 10_000;

export async function createIngest(config: IngestConfig, overrides: IngestOverrides = {}): Promise<Ingest> {
  const logger = overrides.logger ?? createLogger('ingest', config.logLevel);
  const draining = new AbortController();
  const { orchestratorAddress: address, apiKey, submitMs, readMs } = config;
  const orchestrator = openOrchestrator({ address, apiKey, submitMs, readMs });
  const http = createHttpServer({ logger, bodyBytes: LIMITS.taskBodyBytes, sendError });

  const routes = [
    submitTaskRoute(orchestrator),
    submitBatchRoute(orchestrator),
    getTaskRoute(orchestrator),
    listTasksRoute(orchestrator),
    listEventsRoute(orchestrator, createOpenStreams(config.maxStreams), draining.signal),
    cancelTaskRoute(orchestrator),
    retryTaskRoute(orchestrator),
    cancelTasksRoute(orchestrator),
    retryFailedRoute(orchestrator),
    whyTaskRoute(orchestrator),
    listAgentsRoute(orchestrator),
    listWorkersRoute(orchestrator),
    readQueueRoute(orchestrator),
    moveQueueRoute(orchestrator),
    originalFaqRoute(orchestrator),
    originalTaskRoute(orchestrator),
    liveRoute(),
    readyRoute(createReadiness(orchestrator, draining.signal)),
  ];
  registerRoutes(http, [...routes, openApiRoute(routes)], createAuthenticate(apiKey));
  const url = await http.listen({ host: config.bindHost, port: config.port });
  logger.info({ url }, 'listening');

  const started = untilItWorks(
    { logger, message: 'orchestrator does not answer', fields: { address } },
    draining.signal,
    () => orchestrator.ping(draining.signal),
  ).then(
    () => logger.info({ address }, 'orchestrator answers'),
    () => undefined,
  );

  return {
    url,
    [Symbol.asyncDispose]: async () => {
      // Streams end, what runs is finished, and only then the way to the orchestrator closes.
      draining.abort();
      const force = setTimeout(() => http.server.closeAllConnections(), DRAIN_MS);
      await http.close();
      clearTimeout(force);
      await started;
      orchestrator.close();
    },
  };
}
