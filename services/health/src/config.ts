import { parseRedisAddress } from '@morningai/queue/redis-address';
import {
  address,
  apiKeyVariable,
  commonVariables,
  milliseconds,
  parsedBy,
  port,
  readConfig,
  url,
  variable,
  type ConfigOf,
} from '@morningai/service/config';

export const variables = {
  ...commonVariables,
  apiKey: apiKeyVariable,
  databaseUrl: variable('DATABASE_URL', url('postgres', 'postgresql'), 'Postgres: the log, the source of truth.', {
    secret: true,
  }),
  redisUrl: variable(
    'REDIS_URL',
    parsedBy(parseRedisAddress),
    'Redis: tickets only. It may be away or empty at any moment. Behind Sentinels: redis+sentinel://host,host,host/mymaster. Not used once the queue was moved (ADR 14).',
    { secret: true },
  ),
  natsUrl: variable(
    'NATS_URL',
    url('nats', 'tls'),
    'NATS with JetStream: the feed. It may be away or empty at any moment.',
    { secret: true },
  ),
  port: variable('HEALTH_PORT', port, 'The HTTP port of health; 0: any free one.', { fallback: '8081' }),
  orchestratorAddress: variable('ORCHESTRATOR_ADDRESS', address, 'Where the orchestrator answers gRPC, host:port.', {
    fallback: '127.0.0.1:50051',
  }),
  memoryAddress: variable('MEMORY_ADDRESS', address, 'Where memory answers gRPC, host:port.', {
    fallback: '127.0.0.1:50052',
  }),
  ingestUrl: variable('INGEST_URL', url('http', 'https'), 'Where ingest answers HTTP.', {
    fallback: 'http://127.0.0.1:8080',
  }),
  probeMs: variable('HEALTH_PROBE_MS', milliseconds, 'How long a whole probe may take before the component is down.', {
    fallback: '1000',
  }),
  drainMs: variable('HEALTH_DRAIN_MS', milliseconds, 'How long /health/ready says draining before the port closes.', {
    fallback: '250',
  }),
};

export type HealthConfig = ConfigOf<typeof variables>;

/** @throws AppError CONFIG_INVALID */
export function readHealthConfig(env: NodeJS.ProcessEnv): HealthConfig {
  return readConfig(variables, env);
}
