/**
 * The log's copy on JetStream. Each publish expects the sequence before it, so a second publisher is refused, and a stream that
 * was lost, wiped or rolled back is noticed; what the stream itself holds last says where to go on.
 */
import {
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, headers, nanos, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { FeedEvent } from './cloud-event.ts';
import { feedMessages, INCARNATION_HEADER, POSITION_HEADER, type FeedMessage } from './feed-message.ts';

/** Where the feed stands, as Postgres remembers it. */
export type FeedCheckpoint = {
  readonly position: number;
  /** When the stream was made, as the server says; another time means another stream. */
  readonly streamCreated: string;
  readonly lastSequence: number;
};

export type FeedOptions = {
  readonly url: string;
  readonly incarnation: string;
  /** The JetStream stream, "MORNINGAI"; its subjects are "morningai.events.…". */
  readonly stream: string;
};

export type Feed = {
  /** Makes the stream if need be, and finds the last position it really holds. */
  resume(checkpoint: FeedCheckpoint | null): Promise<FeedCheckpoint>;
  /**
   * Publishes in order, a message for all that follow one another under one subject.
   * @returns the checkpoint behind them
   * @throws when not all were acknowledged: resume before going on
   */
  publish(checkpoint: FeedCheckpoint, events: readonly FeedEvent[]): Promise<FeedCheckpoint>;
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
};

const TIMEOUT_MS = 2_000;
/** Older history comes from the orchestrator (ReadEvents). */
const MAX_AGE_MS = 7 * 24 * 3_600_000;
const MAX_BYTES = 1024 ** 3;
const DUPLICATE_WINDOW_MS = 120_000;

/** @throws when NATS cannot be reached; afterwards `closed` tells of its loss, and a new feed is opened */
export async function openFeed(options: FeedOptions): Promise<Feed> {
  const connection = await connect({
    servers: options.url,
    timeout: TIMEOUT_MS,
    reconnect: false,
    name: 'morningai-feed',
  });
  try {
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS });
    const client = jetstream(connection, { timeout: TIMEOUT_MS });
    return feedOn(connection, manager, client, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function feedOn(
  connection: NatsConnection,
  manager: JetStreamManager,
  client: JetStreamClient,
  options: FeedOptions,
): Feed {
  const { incarnation, stream } = options;
  const root = `${stream.toLowerCase()}.events`;
  return {
    async resume(checkpoint) {
      const info = await ensureStream(manager, stream, root);
      const streamCreated = info.created;
      const lastSequence = info.state.last_seq;
      if (checkpoint?.streamCreated === streamCreated && checkpoint.lastSequence === lastSequence) return checkpoint;
      const position = await lastPosition(manager, stream, info, incarnation);
      return { position, streamCreated, lastSequence };
    },
    async publish(checkpoint, events) {
      const messages = feedMessages(root, incarnation, events);
      const last = messages.pop();
      if (last === undefined) return checkpoint;
      // Each message expects the sequence before it, so one that is refused makes the server refuse all behind it: only the last
      // need be acknowledged. (An acknowledgement each cost a fifth of the orchestrator's time.)
      for (const [index, message] of messages.entries()) {
        connection.publish(message.subject, message.payload, {
          headers: headersOf(message, checkpoint.lastSequence + index),
        });
      }
      const lastSequence = checkpoint.lastSequence + messages.length + 1;
      const ack = await client.publish(last.subject, last.payload, {
        headers: headersOf(last, lastSequence - 1),
        timeout: TIMEOUT_MS,
        expect: { streamName: stream },
      });
      if (ack.duplicate || ack.seq !== lastSequence) {
        throw new Error(`position ${last.position} is at sequence ${ack.seq} of the stream, not ${lastSequence}`);
      }
      return { ...checkpoint, position: last.position, lastSequence };
    },
    closed: connection.closed(),
    close: () => connection.close(),
  };
}

function headersOf(message: FeedMessage, expectedSequence: number): MsgHdrs {
  const all = headers();
  for (const [name, value] of Object.entries(message.headers)) all.set(name, value);
  all.set('Nats-Expected-Last-Sequence', String(expectedSequence));
  return all;
}

async function ensureStream(manager: JetStreamManager, name: string, root: string): Promise<StreamInfo> {
  const config = {
    name,
    subjects: [`${root}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_age: nanos(MAX_AGE_MS),
    max_bytes: MAX_BYTES,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
  const known = await manager.streams.info(name).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'StreamNotFoundError') return null;
    throw error;
  });
  return known ?? (await manager.streams.add(config));
}

/** The position of the newest message of this log; 0 for a stream that holds none: it is filled from the start. */
async function lastPosition(
  manager: JetStreamManager,
  name: string,
  info: StreamInfo,
  incarnation: string,
): Promise<number> {
  if (info.state.messages === 0) return 0;
  const message = await manager.streams.getMessage(name, { seq: info.state.last_seq });
  if (message?.header.get(INCARNATION_HEADER) !== incarnation) return 0;
  return Number(message.header.get(POSITION_HEADER));
}
