/**
 * The log as messages: events that follow one another and have one subject travel as one message, so that a busy feed costs a message
 * per hundreds of events, and a quiet one sends each event at once, by itself. The order is the log's, whoever reads everything.
 */
import { cloudEventText, eventId, feedSubject, kindOf, type FeedEvent } from './cloud-event.ts';

export const POSITION_HEADER = 'Morningai-Position';
export const INCARNATION_HEADER = 'Morningai-Incarnation';
export const CONTENT_TYPE_HEADER = 'Content-Type';

/** CloudEvents 1.0: the JSON event format, and its batch format, an array of such events. */
export const ONE_EVENT = 'application/cloudevents+json';
export const EVENT_BATCH = 'application/cloudevents-batch+json';

export type FeedMessage = {
  readonly subject: string;
  /** Of its last event. */
  readonly position: number;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

export type FeedMessageLimits = {
  readonly events: number;
  /** UTF-16 units, of which each is 3 bytes at most; a single event may be longer. */
  readonly textLength: number;
};

/** A message is far smaller than the megabyte that nats-server takes, and a reader who wants one event of it does not read long. */
export const FEED_MESSAGE: FeedMessageLimits = { events: 250, textLength: 128 * 1024 };

/** What a subscriber reads of an event. `data` is what the log has. */
export type CloudEvent = {
  readonly id: string;
  readonly source: string;
  /** "morningai.task.TaskSubmitted" */
  readonly type: string;
  /** The event's stream, "task/…". */
  readonly subject: string;
  readonly time: string;
  readonly tenant: string;
  readonly logposition: number;
  readonly streamversion: number;
  readonly life: number;
  readonly data: unknown;
};

/** @param events in the log's order */
export function feedMessages(
  root: string,
  incarnation: string,
  events: readonly FeedEvent[],
  limits: FeedMessageLimits = FEED_MESSAGE,
): FeedMessage[] {
  const messages: FeedMessage[] = [];
  let texts: string[] = [];
  let textLength = 0;
  let last: FeedEvent | undefined;

  const finish = () => {
    if (last !== undefined) messages.push(messageOf(root, incarnation, last, texts));
    texts = [];
    textLength = 0;
  };
  for (const event of events) {
    const text = cloudEventText(incarnation, event);
    const isFull = texts.length >= limits.events || textLength + text.length > limits.textLength;
    if (last !== undefined && (isFull || !hasSubjectOf(last, event))) finish();
    texts.push(text);
    textLength += text.length;
    last = event;
  }
  finish();
  return messages;
}

/** The events of a message, one or many. @throws SyntaxError when it is not JSON */
export function eventsOf(payload: string): readonly CloudEvent[] {
  const content = JSON.parse(payload) as CloudEvent | readonly CloudEvent[];
  return Array.isArray(content) ? (content as readonly CloudEvent[]) : [content as CloudEvent];
}

function messageOf(root: string, incarnation: string, last: FeedEvent, texts: readonly string[]): FeedMessage {
  const isBatch = texts.length > 1;
  return {
    subject: feedSubject(root, last),
    position: last.position,
    payload: Buffer.from(isBatch ? `[${texts.join(',')}]` : (texts[0] ?? '')),
    headers: {
      [CONTENT_TYPE_HEADER]: isBatch ? EVENT_BATCH : ONE_EVENT,
      [POSITION_HEADER]: String(last.position),
      [INCARNATION_HEADER]: incarnation,
      'Nats-Msg-Id': eventId(incarnation, last.position),
    },
  };
}

function hasSubjectOf(one: FeedEvent, other: FeedEvent): boolean {
  return one.type === other.type && one.tenant === other.tenant && kindOf(one.stream) === kindOf(other.stream);
}
