import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { SystemServiceClient, type GetStatusResponse } from '@morningai/rpc/system';
import { reason } from '@morningai/service/logger';
import type { HealthConfig } from '../config.ts';
import type { FactsAnswer, OrchestratorFacts } from '../domain/orchestrator-facts.ts';

export type FactsReader = {
  /** Never throws. */
  read(): Promise<FactsAnswer>;
  close(): void;
};

export function openFactsReader(config: HealthConfig): FactsReader {
  const client = openClient(SystemServiceClient, config.orchestratorAddress);
  const options = { metadata: bearer(config.apiKey), deadlineMs: config.probeMs };
  return {
    read: async () => {
      try {
        const status = await callUnary<object, GetStatusResponse>((...args) => client.getStatus(...args), {}, options);
        return { known: true, facts: factsOf(status) };
      } catch (error) {
        return { known: false, reason: reason(error) };
      }
    },
    close: () => client.close(),
  };
}

function factsOf(status: GetStatusResponse): OrchestratorFacts {
  return {
    head: Number(status.head),
    feedLag: Number(status.head - status.feedPosition),
    workers: status.workers,
    running: status.running,
    oldestDueAtMs: status.oldestDueAt?.getTime() ?? null,
    redis: { place: status.redis?.place ?? '', sealedUrl: status.redis?.sealedUrl ?? '' },
  };
}
