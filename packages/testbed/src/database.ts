/**
 * Databases for tests. Migrating takes long and copying does not: a template is made once per cluster and copied for
 * every test file. Everything works for any number of test processes at once.
 */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { eventually } from './eventually.ts';

/** Longest one waits until nobody is connected to the template, or until another process has made it. */
const TEMPLATE_DEADLINE_MS = 60_000;
const STATEMENT_TIMEOUT_MS = 120_000;
/** SQLSTATE object_in_use: somebody is connected to the template, or is copying it. */
const OBJECT_IN_USE = '55006';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** Creates a database and answers its URL. `template` is copied; the retry covers a template that is busy. */
export async function createDatabase(
  adminUrl: string,
  name: string,
  options: { template?: string } = {},
): Promise<string> {
  const template = options.template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(options.template)}`;
  await withClient(adminUrl, async (client) => {
    const create = () => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}${template}`);
    await retryWhileInUse(create);
  });
  return urlOf(adminUrl, name);
}

/** Drops a database with whoever is connected to it. One that is not there is no error. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`),
  );
}

/**
 * A database of its own for a test file, dropped when disposed. `prepare` gets the URL of the template, once per cluster
 * and template name: put what the template depends on into the name (a hash of the migrations).
 */
export async function openTestDatabase(options: {
  adminUrl: string;
  template?: { name: string; prepare(url: string): Promise<void> };
}): Promise<TestDatabase> {
  const { adminUrl, template } = options;
  if (template) await ensureTemplate(adminUrl, template.name, template.prepare);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = await createDatabase(adminUrl, name, template ? { template: template.name } : {});
  return { url, [Symbol.asyncDispose]: () => dropDatabase(adminUrl, name) };
}

/** The advisory lock goes with its session: a process that dies while it prepares leaves no lock, and no template. */
async function ensureTemplate(adminUrl: string, name: string, prepare: (url: string) => Promise<void>): Promise<void> {
  await withClient(adminUrl, async (client) => {
    if (await exists(client, name)) return;
    const key = createHash('sha256').update(`template ${name}`).digest().readBigInt64BE().toString();
    await client.query('SELECT pg_advisory_lock($1)', [key]);
    try {
      if (await exists(client, name)) return;
      // Under a draft name until it is complete.
      const draft = `${name}_draft`;
      await dropDatabase(adminUrl, draft);
      await prepare(await createDatabase(adminUrl, draft));
      const [from, to] = [pg.escapeIdentifier(draft), pg.escapeIdentifier(name)];
      await retryWhileInUse(() => client.query(`ALTER DATABASE ${from} RENAME TO ${to}`));
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [key]);
    }
  });
}

async function exists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  return rowCount === 1;
}

async function retryWhileInUse(statement: () => Promise<unknown>): Promise<void> {
  const tried = () =>
    statement().then(
      () => undefined,
      (error: Error & { code?: string }) => {
        if (error.code === OBJECT_IN_USE) throw error;
        return error;
      },
    );
  const refused = await eventually(tried, { deadlineMs: TEMPLATE_DEADLINE_MS, everyMs: 50 });
  if (refused) throw refused;
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, query_timeout: STATEMENT_TIMEOUT_MS });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}
