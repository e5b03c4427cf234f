import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { POSTGRES_TIMEOUTS } from './pool.ts';

/** One owner's numbered plain-SQL files, forward only. */
export type MigrationSet = { readonly owner: string; readonly folder: string };

export const LOG_MIGRATIONS: MigrationSet = {
  owner: 'log',
  folder: fileURLToPath(new URL('../migrations', import.meta.url)),
};

const LOCKED_RETRY_MS = 100;

/** Applies what is missing, under the runner's lock: of two that start at once, one waits for the other. */
export async function migrate(url: string, sets: readonly MigrationSet[], signal: AbortSignal): Promise<void> {
  for (const set of sets) await migrateSet(url, set, signal);
}

async function migrateSet(url: string, set: MigrationSet, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: POSTGRES_TIMEOUTS.connectMs });
  client.on('error', () => void client.end().catch(() => undefined));
  // A statement may take as long as a migration needs, so only the signal ends one that hangs.
  const abandon = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await client.connect();
    while (!(await runMissing(client, set))) await delay(LOCKED_RETRY_MS, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abandon);
    await client.end();
  }
}

/** @returns false: another one is at it */
async function runMissing(client: pg.Client, set: MigrationSet): Promise<boolean> {
  try {
    await runner({
      dbClient: client,
      dir: set.folder,
      direction: 'up',
      migrationsTable: `migrations_${set.owner}`,
      checkOrder: true,
      log: () => undefined,
    });
    return true;
  } catch (error) {
    if (isLocked(error)) return false;
    throw error;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Another migration is already running');
}
