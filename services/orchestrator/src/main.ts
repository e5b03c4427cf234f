import process from 'node:process';
import { createLogger } from '@morningai/service/logger';
import { configOrExit, runService } from '@morningai/service/run';
import { readOrchestratorConfig } from './config.ts';
import { createOrchestrator } from './service.ts';

const config = configOrExit(() => readOrchestratorConfig(process.env));
const logger = createLogger('orchestrator', config.logLevel);
await runService(logger, (signal) => createOrchestrator(config, { logger, signal }));
