import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { createDatabase, dropDatabase, openTestDatabase } from './database.ts';

const adminUrl = inject('postgresUrl');

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

const databases = async () =>
  (await query<{ datname: string }>(adminUrl, 'SELECT datname FROM pg_database')).map((row) => row.datname);

test('a template is prepared once, however many ask for it at once, and every copy is its own', async () => {
  let prepared = 0;
  const name = `template_${process.pid}`;
  const prepare = async (url: string) => {
    prepared += 1;
    await query(url, 'CREATE TABLE numbers AS SELECT generate_series(1, 3) AS n');
  };
  const open = () => openTestDatabase({ adminUrl, template: { name, prepare } });
  const copies = await Promise.all([open(), open(), open(), open()]);
  expect(prepared).toBe(1);
  await query(copies[0].url, 'DELETE FROM numbers');
  expect(await query(copies[1].url, 'SELECT n FROM numbers')).toHaveLength(3);
  for (const copy of copies) await copy[Symbol.asyncDispose]();
  await dropDatabase(adminUrl, name);
  expect((await databases()).filter((database) => database.startsWith(`template_${process.pid}`))).toEqual([]);
});

test('a template whose preparation failed is prepared again', async () => {
  const name = `failing_${process.pid}`;
  const failing = { name, prepare: () => Promise.reject(new Error('no')) };
  await expect(openTestDatabase({ adminUrl, template: failing })).rejects.toThrow('no');
  const good = { name, prepare: async (url: string) => void (await query(url, 'CREATE TABLE good ()')) };
  await using copy = await openTestDatabase({ adminUrl, template: good });
  expect(await query(copy.url, 'SELECT * FROM good')).toEqual([]);
  await dropDatabase(adminUrl, name);
});

test('a test database is dropped with whoever is still connected', async () => {
  const database = await openTestDatabase({ adminUrl });
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  await database[Symbol.asyncDispose]();
  expect(await databases()).not.toContain(new URL(database.url).pathname.slice(1));
  await client.end();
});

test('a name that needs quoting is quoted', async () => {
  const name = `Odd "name" ${process.pid}`;
  const url = await createDatabase(adminUrl, name);
  expect(await query(url, 'SELECT current_database() AS name')).toEqual([{ name }]);
  await dropDatabase(adminUrl, name);
});
