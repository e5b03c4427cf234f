import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

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
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => void client.end().catch(() => undefined));
  await client.connect();
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        await runner({
          dbClient: client,
          dir: set.folder,
          direction: 'up',
          migrationsTable: `migrations_${set.owner}`,
          checkOrder: true,
          log: () => undefined,
        });
        return;
      } catch (error) {
        if (!isLocked(error)) throw error;
        await delay(LOCKED_RETRY_MS, undefined, { signal });
      }
    }
  } finally {
    await client.end();
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Another migration is already running');
}
