import { eventsOf, POSITION_HEADER } from '@morningai/bus/feed-message';
import { jetstream, jetstreamManager, type JetStreamManager, type StreamState } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { FeedMessage } from '../invariants/evidence.ts';

const STREAM = 'MORNINGAI';
const TIMEOUT_MS = 3_000;

/** What JetStream holds of the log behind the position, in its order. @throws when it cannot be read */
export async function readFeed(natsUrl: string, after: number): Promise<readonly FeedMessage[]> {
  const connection = await connect({ servers: natsUrl, timeout: TIMEOUT_MS, reconnect: false });
  try {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS });
    const { state } = await manager.streams.info(STREAM);
    const start = await firstBehind(manager, state, after);
    if (start > state.last_seq) return [];
    const consumer = await jetstream(connection, { timeout: TIMEOUT_MS }).consumers.get(STREAM, {
      opt_start_seq: start,
    });
    const messages: FeedMessage[] = [];
    for await (const message of await consumer.fetch({ max_messages: state.messages, expires: TIMEOUT_MS })) {
      for (const { logposition, type, subject } of eventsOf(message.string())) {
        if (logposition > after) messages.push({ position: logposition, type: nameOf(type), stream: subject });
      }
      if (message.seq >= state.last_seq) break;
    }
    return messages;
  } finally {
    await connection.close();
  }
}

/** The first sequence with an event behind the position, by halving: a kept stack's stream holds all its earlier schedules. */
async function firstBehind(manager: JetStreamManager, state: StreamState, after: number): Promise<number> {
  let [low, high] = [state.first_seq, state.last_seq + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await manager.streams.getMessage(STREAM, { seq: middle });
    if (Number(message?.header.get(POSITION_HEADER)) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** "morningai.task.TaskSubmitted" → "TaskSubmitted". */
function nameOf(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
