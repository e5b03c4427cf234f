import process from 'node:process';
import { createLogger } from '@morningai/service/logger';
import { configOrExit, runService } from '@morningai/service/run';
import { readAgentsConfig } from './config.ts';
import { createAgents } from './service.ts';

const config = configOrExit(() => readAgentsConfig(process.env));
const logger = createLogger('agents', config.logLevel);
await runService(logger, (signal) => createAgents(config, { logger, signal }));
