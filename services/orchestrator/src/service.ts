/** Wires and owns everything of the orchestrator. */
import { randomUUID } from 'node:crypto';
import { LOG_MIGRATIONS, migrate, type MigrationSet } from '@morningai/log/migrate';
import { openPool, type Pool } from '@morningai/log/pool';
import { sqlState } from '@morningai/log/postgres-failure';
import { readHead } from '@morningai/log/read';
import { openTicketQueue } from '@morningai/queue/ticket-queue';
import { bearerKey, createRpcServer } from '@morningai/rpc/server';
import { createLogger, reason, withoutPassword, type Logger } from '@morningai/service/logger';
import { untilItWorks } from '@morningai/service/retry';
import { createAgentCatalog } from './agent-catalog.ts';
import type { OrchestratorConfig } from './config.ts';
import { PACE, type Pace } from './dispatch/pace.ts';
import { startPublisher } from './dispatch/publisher.ts';
import { LOCKED, startRedisFollower } from './dispatch/redis-follower.ts';
import type { RedisInUse } from './domain/redis-in-use.ts';
import { createRedisUrls, type RedisUrls } from './redis-urls.ts';
import { serve } from './rpc/serve.ts';
import { startDispatch } from './start-dispatch.ts';
import { readClock } from './store/read-clock.ts';
import { readRedisMove } from './store/redis-move.ts';

export const ORCHESTRATOR_MIGRATIONS: MigrationSet = {
  owner: 'orchestrator',
  folder: new URL('../migrations', import.meta.url).pathname,
};

export type Orchestrator = AsyncDisposable & {
  /** "host:port" of its gRPC. */
  readonly address: string;
};

const MAX_CONNECTIONS = 10;
const CLOSE_GRACE_MS = 5_000;

/** @param signal ends the wait for Postgres */
export async function createOrchestrator(
  config: OrchestratorConfig,
  overrides: { readonly logger?: Logger; readonly signal?: AbortSignal; readonly pace?: Partial<Pace> } = {},
): Promise<Orchestrator> {
  const logger = overrides.logger ?? createLogger('orchestrator', config.logLevel);
  const signal = overrides.signal ?? new AbortController().signal;
  const { pool, incarnation } = await openLog(config, logger, signal);
  const urls = createRedisUrls(config.redisUrl, config.apiKey);
  const redis = await findRedis({ pool, urls, logger }, signal);

  const stop = new AbortController();
  const catalog = createAgentCatalog(pool);
  const dispatch = startDispatch({
    pool,
    openQueue: openTicketQueue,
    redis,
    redisConfigured: urls.configuredFingerprint,
    incarnation,
    orchestratorId: randomUUID(),
    catalog,
    runningLimits: {
      perTenant: config.maxRunningPerTenant || null,
      perAgent: config.maxRunningPerAgent || null,
    },
    pace: { ...PACE, ...overrides.pace },
    logger,
    signal: stop.signal,
  });
  const { writer, clock, dispatcher, leadership } = dispatch;
  const follower = startRedisFollower({ pool, urls, dispatcher, logger });
  const publisher = startPublisher({
    pool,
    natsUrl: config.natsUrl,
    incarnation,
    stream: config.feedStream,
    leads: () => leadership.term !== null,
    logger,
  });
  writer.onLogged(publisher.wrote);
  await untilItWorks({ logger, message: 'agents not read', fields: {} }, signal, () => catalog.refresh());
  // Before the first time of day that a caller names: this host's clock may be wrong.
  await untilItWorks({ logger, message: "postgres' clock not read", fields: {} }, signal, async () =>
    clock.observe(await readClock(pool)),
  );
  const watching = dispatch.watch();

  const rpc = createRpcServer();
  serve(rpc.server, {
    ...dispatch,
    publisher,
    move: { pool, dispatcher, follower, urls, incarnation, logger },
    maxOpenTasks: config.maxOpenTasks,
    // What was queued and had no row is due again.
    onReplayed: () =>
      void dispatcher
        .renew()
        .catch((error: unknown) => logger.warn({ why: reason(error) }, 'no new epoch after the replay')),
    draining: stop.signal,
    authenticate: bearerKey(config.apiKey),
    onBug: (error, method) => logger.error({ error, method }, 'a call failed'),
  });
  // Bound last: until Postgres has answered, callers find nobody and try again.
  const address = `${config.bindHost}:${await rpc.listen(`${config.bindHost}:${config.port}`)}`;
  rpc.setServing(true);
  logger.info({ address, incarnation }, 'orchestrator ready');

  return {
    address,
    async [Symbol.asyncDispose]() {
      rpc.setServing(false);
      stop.abort();
      await follower.close();
      await dispatcher.close();
      await rpc.close(CLOSE_GRACE_MS);
      await Promise.all([watching, dispatch.heartbeats.close(), publisher.close()]);
      await leadership.close();
      await writer.close();
      await pool.close();
    },
  };
}

/** The one that REDIS_URL names, unless the queue was moved: then a start must not go back. */
async function findRedis(
  { pool, urls, logger }: { readonly pool: Pool; readonly urls: RedisUrls; readonly logger: Logger },
  signal: AbortSignal,
): Promise<RedisInUse> {
  const what = { logger, message: 'redis_move not read', fields: {} };
  const redis = urls.inUse(await untilItWorks(what, signal, () => readRedisMove(pool)));
  const { place, movedAt, isLocked } = redis;
  const configured = urls.configuredPlace;
  if (movedAt !== null) logger.warn({ place, movedAt, configured }, 'the queue was moved: REDIS_URL is not used');
  if (isLocked) logger.error({ place }, LOCKED);
  return redis;
}

async function openLog(
  config: OrchestratorConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<{ pool: Pool; incarnation: string }> {
  const pool = openPool(
    {
      url: config.databaseUrl,
      name: 'morningai-orchestrator',
      maxConnections: MAX_CONNECTIONS,
      pooled: config.databasePooled,
      role: config.databaseRole === 'none' ? null : config.databaseRole,
    },
    (error) => logger.warn({ why: reason(error) }, 'postgres connection broke'),
  );
  const fields = { databaseUrl: withoutPassword(config.databaseUrl) };
  const opened = async () => {
    await migrate(config.databaseUrl, [LOG_MIGRATIONS, ORCHESTRATOR_MIGRATIONS], signal);
    return { pool, incarnation: (await readHead(pool)).incarnation };
  };
  return untilItWorks({ logger, message: 'postgres does not answer', fields, giveUp: isOurFault }, signal, opened);
}

/** A migration that Postgres refuses will be refused for ever. */
function isOurFault(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && /^(0A|22|23|42)/.test(state);
}
