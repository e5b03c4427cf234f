import { z } from 'zod';
import {
  address,
  apiKeyVariable,
  commonVariables,
  milliseconds,
  port,
  readConfig,
  variable,
  type ConfigOf,
} from '@morningai/service/config';

/** The environment of the ingest service. */
export const variables = {
  ...commonVariables,
  port: variable('INGEST_PORT', port, 'The port of the HTTP API; 0: any free one.', { fallback: '8080' }),
  orchestratorAddress: variable('ORCHESTRATOR_ADDRESS', address, 'Where the orchestrator answers gRPC, host:port.', {
    fallback: '127.0.0.1:50051',
  }),
  apiKey: apiKeyVariable,
  submitMs: variable('INGEST_SUBMIT_MS', milliseconds, 'How long a submit may take, with its retries.', {
    fallback: '8000',
  }),
  readMs: variable('INGEST_READ_MS', milliseconds, 'How long a read may take, with its retries.', { fallback: '5000' }),
  maxStreams: variable(
    'INGEST_MAX_STREAMS',
    z.coerce.number('must be a number').int().min(0).max(100_000),
    'How many event streams may be open at once.',
    { fallback: '1000' },
  ),
};

export type IngestConfig = ConfigOf<typeof variables>;

/** @throws AppError CONFIG_INVALID */
export function readIngestConfig(env: Readonly<Record<string, string | undefined>>): IngestConfig {
  return readConfig(variables, env);
}
