/** The process that hosts the built-in agents. */
import { createWorker } from '@morningai/sdk';
import { createLogger, type Logger } from '@morningai/service/logger';
import type { Service } from '@morningai/service/run';
import type { AgentsConfig } from './config.ts';
import { echoAgent } from './echo/echo-agent.ts';
import type { Drafter } from './faq/drafter.ts';
import { createFaqAgent } from './faq/faq-agent.ts';
import { createOfflineDrafter } from './faq/offline-drafter.ts';
import { createOpenAiDrafter } from './faq/openai-drafter.ts';

/** Resolves once the orchestrator knows the agents. @param overrides.signal ends the wait for it */
export async function createAgents(
  config: AgentsConfig,
  overrides: { readonly logger?: Logger; readonly signal?: AbortSignal } = {},
): Promise<Service> {
  const logger = overrides.logger ?? createLogger('agents', config.logLevel);
  const faqAgent = createFaqAgent({
    drafter: chooseDrafter(config),
    runbooksFolder: config.runbooksFolder,
    outFolder: config.outFolder,
    defaultRepository: config.repository,
  });
  const worker = createWorker({
    address: config.orchestratorAddress,
    apiKey: config.apiKey,
    agents: [echoAgent, faqAgent],
    slots: config.slots,
    log: logger,
  });
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  overrides.signal?.addEventListener('abort', () => stop(), { once: true });
  await Promise.race([worker.ready, stopped]);
  return { [Symbol.asyncDispose]: () => worker.close() };
}

function chooseDrafter(config: AgentsConfig): Drafter {
  const { openaiBaseUrl: baseUrl, openaiApiKey: apiKey, openaiModel: model } = config;
  return apiKey === '' ? createOfflineDrafter() : createOpenAiDrafter({ baseUrl, apiKey, model });
}
