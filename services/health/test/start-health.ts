import { createLogger } from '@morningai/service/logger';
import { readHealthConfig } from '../src/config.ts';
import { createHealth, type Health } from '../src/service.ts';
import { unusedAddress } from './peers.ts';

export const API_KEY = 'a-key-for-tests-only';

/** Health on a free port, told of nothing but what `env` names: all else is at an address where nobody listens. */
export async function startHealth(env: Readonly<Record<string, string>> = {}): Promise<Health> {
  const nobody = await unusedAddress();
  const config = readHealthConfig({
    LOG_LEVEL: 'silent',
    MORNINGAI_API_KEY: API_KEY,
    HEALTH_PORT: '0',
    HEALTH_DRAIN_MS: '1',
    DATABASE_URL: `postgres://me@${nobody}/x`,
    REDIS_URL: `redis://${nobody}`,
    NATS_URL: `nats://${nobody}`,
    ORCHESTRATOR_ADDRESS: nobody,
    MEMORY_ADDRESS: nobody,
    INGEST_URL: `http://${nobody}`,
    ...env,
  });
  return createHealth(config, createLogger('health', config.logLevel));
}

export type Answer = { readonly code: number; readonly type: string | null; readonly body: string };

export async function get(health: Health, path: string): Promise<Answer> {
  const response = await fetch(new URL(path, health.url));
  return { code: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

/** The parsed body beside the status code. */
export async function getJson(health: Health, path: string) {
  const { code, body } = await get(health, path);
  return { code, body: JSON.parse(body) as unknown };
}
