import pg from 'pg';
import type { Probe } from './answer.ts';

/** The data folder is shown to superusers only; a managed Postgres answers without it. */
const WHO_ARE_YOU = `
  SELECT current_setting('server_version') AS version,
         CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END AS data_folder`;

export const postgresAnswer: Probe = async (url, timeoutMs) => {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: 'testbed',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; data_folder: string | null }>(WHO_ARE_YOU);
    const row = rows[0];
    if (!row) throw new Error('Postgres answered without a row');
    const version = row.version.split(' ')[0] ?? row.version;
    return row.data_folder === null ? { version } : { version, dataFolder: row.data_folder };
  } finally {
    // Not awaited: a frozen server never says goodbye.
    client.end().catch(() => undefined);
  }
};
