import { join } from 'node:path';
import process from 'node:process';
import { AppError } from '@morningai/core/errors';
import { Option, type Command } from 'commander';
import { folderOf, interruptSignal, redisUrlOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { openStack } from '../stack/open-stack.ts';

type Options = { ingestPort: string; healthPort: string; orchestratorPort: string; forDrills?: boolean };

export function addStart(program: Command, _done: Done): void {
  program
    .command('start')
    .description('Start the whole stack here, and keep it until Ctrl-C')
    .addOption(new Option('--ingest-port <port>', 'the HTTP API; 0: any free port').default('8080').env('INGEST_PORT'))
    .addOption(new Option('--health-port <port>', 'health; 0: any free port').default('8081').env('HEALTH_PORT'))
    .addOption(
      new Option('--orchestrator-port <port>', 'gRPC, for workers of your own; 0: any free port')
        .default('50051')
        .env('ORCHESTRATOR_PORT'),
    )
    .option('--for-drills', 'drills may hurt this stack: see drills/README.md')
    .action(async (options: Options, command: Command) => {
      const signal = interruptSignal();
      const folder = folderOf(command);
      await using stack = await openStack({
        folder,
        publishFolder: join(folder, 'published'),
        ports: {
          ingest: portOf(options.ingestPort),
          health: portOf(options.healthPort),
          orchestrator: portOf(options.orchestratorPort),
        },
        urls: backendUrls(),
        apiKey: process.env['MORNINGAI_API_KEY'],
        ...(options.forDrills && { isForDrills: true }),
        progress: (line) => console.error(line),
        signal,
      });
      const { ingestUrl, healthUrl, orchestratorAddress, apiKey, processes } = stack.describe();
      console.log(`
MorningAI runs.

  API       ${ingestUrl}        (${ingestUrl}/openapi.json)
  health    ${healthUrl}/health
  workers   ${orchestratorAddress}    (gRPC: the one address a worker of your own needs)
  key       ${apiKey}
  processes ${Object.keys(processes).join(', ')}: see ${folder}/stack.json; logs in ${stack.logFolder}

  npx pnpm@12 morningai submit faq '{"question":"How do I deploy to production?"}' --wait
  curl ${ingestUrl}/v1/tasks -H 'authorization: Bearer ${apiKey}'

Ctrl-C ends it; what is in ${folder}/data is kept.`);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      console.error('stopping …');
    });
}

/** Backends that the environment names are used as they are. */
export function backendUrls() {
  const given = {
    postgres: process.env['DATABASE_URL'],
    redis: redisUrlOf(process.env),
    nats: process.env['NATS_URL'],
  };
  return Object.fromEntries(Object.entries(given).filter((entry) => entry[1] !== undefined && entry[1] !== ''));
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new AppError('CONFIG_INVALID', `"${text}" is no port`);
  return port;
}
