import {
  address,
  apiKeyVariable,
  commonVariables,
  readConfig,
  url,
  variable,
  type ConfigOf,
} from '@morningai/service/config';
import { z } from 'zod';

export const variables = {
  logLevel: commonVariables.logLevel,
  orchestratorAddress: variable('ORCHESTRATOR_ADDRESS', address, 'The orchestrator, the only address a worker has.', {
    fallback: '127.0.0.1:50051',
  }),
  apiKey: apiKeyVariable,
  slots: variable('WORKER_SLOTS', z.coerce.number().int().min(1).max(10_000), 'Tasks that the worker runs at once.', {
    fallback: '20',
  }),
  runbooksFolder: variable('FAQ_RUNBOOKS', z.string().min(1), 'Markdown files that the faq agent draws on.', {
    fallback: 'docs/runbooks',
  }),
  outFolder: variable('FAQ_OUT', z.string().min(1), 'Where the faq agent publishes its files.', {
    fallback: '.morningai/published',
  }),
  repository: variable(
    'FAQ_REPOSITORY',
    z.string().min(1),
    'The repository that questions are about, unless they say so.',
    {
      fallback: 'RC918/morningai',
    },
  ),
  openaiBaseUrl: variable('OPENAI_BASE_URL', url('http', 'https'), 'Any OpenAI-compatible endpoint.', {
    fallback: 'https://api.openai.com/v1',
  }),
  openaiApiKey: variable(
    'OPENAI_API_KEY',
    z.string(),
    'Its key. Empty: the offline drafter composes from the runbooks.',
    {
      fallback: '',
      secret: true,
    },
  ),
  openaiModel: variable('OPENAI_MODEL', z.string().min(1), 'The model to ask.', { fallback: 'gpt-4.1-mini' }),
};

export type AgentsConfig = ConfigOf<typeof variables>;

export function readAgentsConfig(env: NodeJS.ProcessEnv): AgentsConfig {
  return readConfig(variables, env);
}
