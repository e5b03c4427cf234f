import { Socket } from 'node:net';
import pg from 'pg';
import type { Probe } from './probe.ts';

/** Up: Postgres lets us in and answers a query. */
export function postgresProbe(url: string): Probe {
  return async (signal, timeoutMs) => {
    // Our own socket, because a client whose server is frozen waits for its goodbye.
    const socket = new Socket();
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const client = new pg.Client({
      connectionString: url,
      application_name: 'morningai-health',
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      stream: () => socket,
    });
    // Emitted when the socket is destroyed; what matters of it rejects the calls below.
    client.on('error', () => undefined);
    await client.connect();
    await client.query('SELECT 1');
  };
}
