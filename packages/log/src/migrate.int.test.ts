import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createDatabase, dropDatabase, openTestDatabase } from '@morningai/testbed/database';
import { openProxy } from '@morningai/testbed/proxy';
import { describe, expect, inject, test } from 'vitest';
import { type TestLog, openLog, openOn } from '../test/open-log.ts';
import { runOne } from '../test/requests.ts';
import { dumpSchema } from '../test/schema-dump.ts';
import { LOG_MIGRATIONS, migrate } from './migrate.ts';
import { verifyLog } from './verify.ts';

const SCHEMA = fileURLToPath(new URL('../schema.sql', import.meta.url));
const never = new AbortController().signal;

async function openEmpty() {
  return openTestDatabase({ adminUrl: inject('postgresUrl') });
}

/** The runner's own lock, as a migration that hangs would hold it: whoever else comes tries again and again. */
async function holdLock(log: TestLog): Promise<void> {
  const other = await log.connect();
  await other.query('SELECT pg_advisory_lock(7241865325823964)');
}

describe('a migration', () => {
  test('gives the schema that schema.sql shows', async () => {
    await using log = await openLog();
    // To take it over after a new migration: vitest run packages/log/src/migrate.int.test.ts -u
    await expect(await dumpSchema(await log.connect())).toMatchFileSnapshot(SCHEMA);
  });

  test('that is started twice at once is done once, and both succeed', async () => {
    await using database = await openEmpty();
    await Promise.all([1, 2, 3].map(() => migrate(database.url, [LOG_MIGRATIONS], never)));
    await using log = openOn(database.url);
    const names = (await readdir(LOG_MIGRATIONS.folder)).toSorted().map((file) => ({ name: file.replace('.sql', '') }));
    expect(await log.sql('SELECT name FROM migrations_log ORDER BY id')).toEqual(names);
  });

  test('that is done already changes nothing', async () => {
    await using log = await openLog();
    await runOne(log.writer);
    const client = await log.connect();
    const [before, identity] = [await dumpSchema(client), await log.sql('SELECT * FROM log_identity')];
    await migrate(log.url, [LOG_MIGRATIONS], never);
    expect(await dumpSchema(client)).toBe(before);
    expect(await log.sql('SELECT * FROM log_identity')).toEqual(identity);
    expect(await verifyLog(log.pool)).toMatchObject({ problems: [], ledger: { completed: 1 } });
  });

  test('can be called off while another one runs, and then leaves nothing half done', async () => {
    await using database = await openEmpty();
    await using log = openOn(database.url);
    await holdLock(log);
    const stop = new AbortController();
    const refused = migrate(database.url, [LOG_MIGRATIONS], stop.signal).catch((error: unknown) => error);
    await expect
      .poll(() => log.sql(`SELECT FROM pg_stat_activity WHERE query LIKE '%pg_advisory_unlock%'`))
      .not.toEqual([]);
    stop.abort();
    expect(await refused).toMatchObject({ name: 'AbortError' });
    expect(await log.sql(`SELECT to_regclass('events') AS events`)).toEqual([{ events: null }]);
  });

  test('can be called off while it hangs', async () => {
    await using database = await openEmpty();
    await using log = openOn(database.url);
    await using proxy = await openProxy({ target: database.url });
    // It has begun and cannot end, so there is something to swallow whenever the partition comes.
    await holdLock(log);
    const stop = new AbortController();
    const refused = migrate(proxy.through(database.url), [LOG_MIGRATIONS], stop.signal).catch(
      (error: unknown) => error,
    );
    // More than a handshake: it asks for the lock again and again.
    await expect.poll(() => proxy.marks.passedBytes).toBeGreaterThan(4_096);
    proxy.blackHole();
    await expect.poll(() => proxy.marks.swallowedBytes).toBeGreaterThan(0);
    stop.abort();
    expect(await refused).toMatchObject({ name: 'AbortError' });
  });

  test('of many databases of one cluster at once agrees on their common role', async () => {
    const databases = await Promise.all(Array.from({ length: 4 }, openEmpty));
    await Promise.all(databases.map(({ url }) => migrate(url, [LOG_MIGRATIONS], never)));
    for (const { url } of databases) {
      await using log = openOn(url);
      await runOne(log.writer);
    }
    await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
  });
});

test('an owner who is no superuser, as a managed Postgres has them, can migrate and run', async () => {
  const adminUrl = inject('postgresUrl');
  const name = `owner_${randomUUID().replaceAll('-', '')}`;
  await using admin = openOn(adminUrl);
  // Roles belong to the cluster: other tests may have made morningai_app, and then this owner must be given it, as by
  // whoever made it.
  await admin.sql(`CREATE ROLE ${name} LOGIN CREATEROLE NOSUPERUSER`);
  const [role] = await admin.sql(`SELECT FROM pg_roles WHERE rolname = 'morningai_app'`);
  if (role !== undefined) await admin.sql(`GRANT morningai_app TO ${name}`);
  await createDatabase(adminUrl, name);
  try {
    await admin.sql(`ALTER DATABASE ${name} OWNER TO ${name}`);
    const url = new URL(adminUrl);
    url.username = name;
    url.pathname = `/${name}`;
    await migrate(url.href, [LOG_MIGRATIONS], never);
    await using log = openOn(url.href);
    await runOne(log.writer);
    expect(await verifyLog(log.pool)).toMatchObject({ problems: [], ledger: { completed: 1 } });
    await runOne(log.openWriter({ role: null }));
    const client = await log.connect();
    await expect(client.query('DELETE FROM events')).rejects.toMatchObject({ code: '42501' });
  } finally {
    await dropDatabase(adminUrl, name);
    await admin.sql(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
  }
});
