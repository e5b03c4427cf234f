import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const TIMEOUT_MS = 2_000;

/** Every stream has room set aside for it, and a test server has not room for all that tests make. One that is away keeps its own. */
export async function dropFeed(natsUrl: string, stream: string): Promise<void> {
  const connection = await connect({ servers: natsUrl, timeout: TIMEOUT_MS, reconnect: false }).catch(() => null);
  if (connection === null) return;
  try {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS });
    await manager.streams.delete(stream).catch(() => false);
  } catch {
    // JetStream does not answer.
  } finally {
    await connection.close();
  }
}
