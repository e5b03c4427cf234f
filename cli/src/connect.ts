import process from 'node:process';
import { AppError, asAppError } from '@morningai/core/errors';
import type { PoolOptions } from '@morningai/log/pool';
import { parseRedisAddress } from '@morningai/queue/redis-address';
import { createClient, type Client } from '@morningai/sdk';
import type { Command } from 'commander';
import { readStackFile, type StackFile } from './stack/stack-file.ts';

/** The stack that was started in the folder, or the one the environment names. */
export type Target = Pick<StackFile, 'ingestUrl' | 'apiKey'> & {
  readonly [name in 'databaseUrl' | 'redisUrl' | 'orchestratorAddress']: string | undefined;
};

const READ_MS = 10_000;

/** @throws AppError CONFIG_INVALID: there is none */
export async function targetOf(command: Command): Promise<Target> {
  const { INGEST_URL: ingestUrl, MORNINGAI_API_KEY: apiKey } = process.env;
  const { DATABASE_URL: databaseUrl, ORCHESTRATOR_ADDRESS: orchestratorAddress } = process.env;
  const redisUrl = redisUrlOf(process.env);
  if (ingestUrl !== undefined && apiKey !== undefined) {
    return { ingestUrl, apiKey, databaseUrl, redisUrl, orchestratorAddress };
  }
  const folder = folderOf(command);
  const stack = await readStackFile(folder);
  if (stack !== null) return stack;
  throw new AppError(
    'CONFIG_INVALID',
    `no stack runs in ${folder}: start one with "npx pnpm@12 start", or set INGEST_URL and MORNINGAI_API_KEY`,
  );
}

/** How to log in to Postgres, as the orchestrator does: `DATABASE_POOLED` and `DATABASE_ROLE`. */
export function loginOf(env: Readonly<Record<string, string | undefined>>): Pick<PoolOptions, 'pooled' | 'role'> {
  const { DATABASE_POOLED: pooled, DATABASE_ROLE: role } = env;
  return {
    pooled: pooled === '1',
    ...(role === undefined || role === '' ? {} : { role: role === 'none' ? null : role }),
  };
}

/** `REDIS_URL`, as the services take it; undefined: not given. @throws AppError CONFIG_INVALID */
export function redisUrlOf({ REDIS_URL: url = '' }: Readonly<Record<string, string | undefined>>): string | undefined {
  if (url === '') return undefined;
  try {
    parseRedisAddress(url);
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `REDIS_URL: ${asAppError(cause).message}`, { cause });
  }
  return url;
}

export async function clientOf(command: Command): Promise<Client> {
  const { ingestUrl: url, apiKey } = await targetOf(command);
  return createClient({ url, apiKey });
}

/** What the SDK's client has no method for. @throws AppError ORCHESTRATOR_UNAVAILABLE */
export async function readApi(
  { ingestUrl, apiKey }: Pick<Target, 'ingestUrl' | 'apiKey'>,
  path: string,
): Promise<unknown> {
  const response = await fetch(`${ingestUrl}${path}`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(READ_MS),
  }).catch((cause: unknown) => {
    throw new AppError('ORCHESTRATOR_UNAVAILABLE', `the API at ${ingestUrl} cannot be reached`, { cause });
  });
  if (response.ok) return response.json();
  throw new AppError('ORCHESTRATOR_UNAVAILABLE', `the API answered ${response.status}: ${await response.text()}`);
}

export function folderOf(command: Command): string {
  return command.optsWithGlobals<{ folder: string }>().folder;
}

/** Aborts at Ctrl-C; a second one ends the process. */
export function interruptSignal(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(130);
      abort.abort();
    });
  }
  return abort.signal;
}
