import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type ConnectionOptions } from '@nats-io/transport-node';
import type { Probe } from './probe.ts';
import { withOwnSockets } from './sockets.ts';

/** Up: NATS lets us in and JetStream answers for our account. */
export function natsProbe(url: string): Probe {
  const server = serverOf(url);
  return async (signal, timeoutMs) => {
    const options = { ...server, name: 'morningai-health', timeout: timeoutMs, reconnect: false };
    // transport-node 3.4 forgets a socket on which no INFO came in time: one leak per probe of a frozen server.
    const connection = await withOwnSockets(signal, () => connect(options));
    try {
      const jetstream = await jetstreamManager(connection, { timeout: timeoutMs, checkAPI: false });
      await jetstream.getAccountInfo();
    } finally {
      await connection.close();
    }
  };
}

/** The driver reads neither credentials nor the wish for TLS from the URL. */
function serverOf(url: string): ConnectionOptions {
  const { protocol, host, username, password } = new URL(url);
  const user = decodeURIComponent(username);
  return {
    servers: host,
    ...(protocol === 'tls:' ? { tls: {} } : {}),
    ...(user === '' ? {} : password === '' ? { token: user } : { user, pass: decodeURIComponent(password) }),
  };
}
