import process from 'node:process';
import { createLogger } from '@morningai/service/logger';
import { configOrExit, runService } from '@morningai/service/run';
import { readHealthConfig } from './config.ts';
import { createHealth } from './service.ts';

const config = configOrExit(() => readHealthConfig(process.env));
const logger = createLogger('health', config.logLevel);

await runService(logger, () => createHealth(config, logger));
