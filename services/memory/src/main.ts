import process from 'node:process';
import { createLogger } from '@morningai/service/logger';
import { configOrExit, runService } from '@morningai/service/run';
import { readMemoryConfig } from './config.ts';
import { createMemory } from './service.ts';

const config = configOrExit(() => readMemoryConfig(process.env));
const logger = createLogger('memory', config.logLevel);

await runService(logger, () => createMemory(config, logger));
