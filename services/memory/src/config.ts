import { commonVariables, port, readConfig, url, variable, type ConfigOf } from '@morningai/service/config';

export const variables = {
  ...commonVariables,
  port: variable('MEMORY_PORT', port, 'The gRPC port of memory; 0: any free one.', { fallback: '50052' }),
  databaseUrl: variable('DATABASE_URL', url('postgres', 'postgresql'), 'Postgres: the log, the source of truth.', {
    secret: true,
  }),
};

export type MemoryConfig = ConfigOf<typeof variables>;

/** @throws AppError CONFIG_INVALID */
export function readMemoryConfig(env: NodeJS.ProcessEnv): MemoryConfig {
  return readConfig(variables, env);
}
