import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { FeedMessage } from '../invariants/evidence.ts';

const STREAM = 'MORNINGAI';
const TIMEOUT_MS = 3_000;

type Message = { readonly logposition: number; readonly type: string; readonly subject: string };

/** What JetStream holds of the log behind the position, in its order. @throws when it cannot be read */
export async function readFeed(natsUrl: string, after: number): Promise<readonly FeedMessage[]> {
  const connection = await connect({ servers: natsUrl, timeout: TIMEOUT_MS, reconnect: false });
  try {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS });
    const { state } = await manager.streams.info(STREAM);
    if (state.messages === 0) return [];
    // One message for each event: the newest of them are what is asked for, unless the stream was filled again.
    const consumer = await jetstream(connection, { timeout: TIMEOUT_MS }).consumers.get(STREAM, {
      opt_start_seq: Math.max(state.first_seq, firstBehind(state.first_seq, after)),
    });
    const messages: FeedMessage[] = [];
    for await (const message of await consumer.fetch({ max_messages: state.messages, expires: TIMEOUT_MS })) {
      const { logposition, type, subject } = message.json<Message>();
      if (logposition > after) messages.push({ position: logposition, type: nameOf(type), stream: subject });
      if (message.seq >= state.last_seq) break;
    }
    return messages;
  } finally {
    await connection.close();
  }
}

/** A stream that was never lost has each position at its own sequence; one that was filled again begins anew. */
function firstBehind(firstSequence: number, after: number): number {
  return firstSequence === 1 ? after + 1 : firstSequence;
}

/** "morningai.task.TaskSubmitted" → "TaskSubmitted". */
function nameOf(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
