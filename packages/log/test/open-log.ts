/** A migrated database of its own for a test file, and all that is opened on it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTestDatabase } from '@morningai/testbed/database';
import pg from 'pg';
import { inject } from 'vitest';
import { LOG_MIGRATIONS, migrate } from '../src/migrate.ts';
import { openPool, type Pool, type PoolOptions } from '../src/pool.ts';
import { createTaskWriter, type TaskWriter } from '../src/task-writer.ts';

export type TestLog = AsyncDisposable & {
  readonly url: string;
  /** As the services are: role morningai_app. */
  readonly pool: Pool;
  readonly writer: TaskWriter;
  openPool(options?: Partial<PoolOptions>): Pool;
  /** On a pool of its own. */
  openWriter(options?: Partial<PoolOptions>): TaskWriter;
  /** A bare connection as the superuser, without any of our settings. */
  connect(): Promise<pg.Client>;
  /** One statement as the superuser. */
  sql<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
};

export async function openLog(): Promise<TestLog> {
  const database = await openTestDatabase({
    adminUrl: inject('postgresUrl'),
    template: {
      name: `log_${digestOf(LOG_MIGRATIONS.folder)}`,
      prepare: (url) => migrate(url, [LOG_MIGRATIONS], new AbortController().signal),
    },
  });
  const opened = openOn(database.url);
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The same on a database that is there. */
export function openOn(url: string): TestLog {
  const pools: Pool[] = [];
  const writers: TaskWriter[] = [];
  const clients: pg.Client[] = [];
  const open = (options: Partial<PoolOptions> = {}) => {
    const pool = openPool({ url, name: 'test', ...options });
    pools.push(pool);
    return pool;
  };
  const openWriter = (options?: Partial<PoolOptions>) => {
    const writer = createTaskWriter(open(options));
    writers.push(writer);
    return writer;
  };
  return {
    url,
    pool: open(),
    writer: openWriter(),
    openPool: open,
    openWriter,
    async connect() {
      const client = new pg.Client({ connectionString: url });
      // Some tests have Postgres cut it.
      client.on('error', () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    async sql<Row extends object>(text: string, values: readonly unknown[] = []) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(writers.map((writer) => writer.close()));
      await Promise.all(pools.map((pool) => pool.close()));
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

export function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(folder).toSorted()) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 16);
}
