import process from 'node:process';
import { createLogger } from '@morningai/service/logger';
import { configOrExit, runService } from '@morningai/service/run';
import { readIngestConfig } from './config.ts';
import { createIngest } from './service.ts';

const config = configOrExit(() => readIngestConfig(process.env));
const logger = createLogger('ingest', config.logLevel);

await runService(logger, () => createIngest(config, { logger }));
