import { parseRedisAddress } from '@morningai/queue/redis-address';
import {
  apiKeyVariable,
  commonVariables,
  flag,
  parsedBy,
  port,
  readConfig,
  url,
  variable,
  type ConfigOf,
} from '@morningai/service/config';
import { z } from 'zod';

const runningLimit = z.coerce.number().int().min(0).max(1_000_000);

export const variables = {
  ...commonVariables,
  port: variable('ORCHESTRATOR_PORT', port, 'The gRPC port. 0: any free one.', { fallback: '50051' }),
  databaseUrl: variable('DATABASE_URL', url('postgres', 'postgresql'), 'Postgres: the log, the source of truth.', {
    secret: true,
  }),
  databasePooled: variable(
    'DATABASE_POOLED',
    flag,
    '1 behind a transaction pooler: no named statements, no session state.',
    {
      fallback: '0',
    },
  ),
  databaseRole: variable(
    'DATABASE_ROLE',
    z.string(),
    'The role to run as. "none": the login itself was granted morningai_app.',
    { fallback: 'morningai_app' },
  ),
  redisUrl: variable(
    'REDIS_URL',
    parsedBy(parseRedisAddress),
    'Redis: tickets only. It may be away or empty at any moment. Behind Sentinels: redis+sentinel://host,host,host/mymaster. Not used once the queue was moved (ADR 14).',
    {
      secret: true,
    },
  ),
  natsUrl: variable(
    'NATS_URL',
    url('nats', 'tls'),
    'NATS with JetStream: the feed. It may be away or empty at any moment.',
    {
      secret: true,
    },
  ),
  feedStream: variable(
    'FEED_STREAM',
    z.string().regex(/^[A-Z][A-Z0-9_]{0,62}$/, 'must be capital letters, digits and _'),
    'The JetStream stream of the feed; its subjects begin with the name in small letters. One log, one stream.',
    { fallback: 'MORNINGAI' },
  ),
  apiKey: apiKeyVariable,
  maxOpenTasks: variable(
    'MAX_OPEN_TASKS',
    z.coerce.number().int().min(1).max(1_000_000_000),
    'How many open tasks a tenant may have; more are refused with LIMIT_REACHED.',
    { fallback: '10000000' },
  ),
  maxRunningPerTenant: variable(
    'MAX_RUNNING_PER_TENANT',
    runningLimit,
    'How many tasks of a tenant may run at once; the others wait. 0: as many as there are slots.',
    { fallback: '0' },
  ),
  maxRunningPerAgent: variable(
    'MAX_RUNNING_PER_AGENT',
    runningLimit,
    'How many tasks of one agent may run at once for each tenant; the others wait. 0: as many as there are slots.',
    { fallback: '0' },
  ),
};

export type OrchestratorConfig = ConfigOf<typeof variables>;

export function readOrchestratorConfig(env: NodeJS.ProcessEnv): OrchestratorConfig {
  return readConfig(variables, env);
}
