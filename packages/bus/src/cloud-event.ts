/** One fact of the log as a CloudEvents 1.0 JSON message. */

export type FeedEvent = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly life: number;
  readonly tenant: string;
  readonly type: string;
  /** JSON text. */
  readonly dataText: string;
  readonly recordedAt: Date;
};

export const POSITION_HEADER = 'Morningai-Position';
export const INCARNATION_HEADER = 'Morningai-Incarnation';

/** `<root>.<tenant>.<kind>.<Type>` */
export function feedSubject(root: string, event: Pick<FeedEvent, 'stream' | 'tenant' | 'type'>): string {
  return `${root}.${subjectToken(event.tenant)}.${subjectToken(kindOf(event.stream))}.${subjectToken(event.type)}`;
}

/** Unique over logs made anew: positions begin at 1 again there. */
export function messageId(incarnation: string, position: number): string {
  return `${incarnation}-${position}`;
}

/** The text is put together by hand so that the data stays, byte for byte, what the log has. */
export function cloudEventText(incarnation: string, event: FeedEvent): string {
  const attributes = JSON.stringify({
    specversion: '1.0',
    id: messageId(incarnation, event.position),
    source: `/morningai/${incarnation}`,
    type: `morningai.${kindOf(event.stream)}.${event.type}`,
    subject: event.stream,
    time: event.recordedAt.toISOString(),
    datacontenttype: 'application/json',
    tenant: event.tenant,
    logposition: event.position,
    streamversion: event.version,
    life: event.life,
  });
  return `${attributes.slice(0, -1)},"data":${event.dataText}}`;
}

function kindOf(stream: string): string {
  return stream.split('/', 1)[0] ?? stream;
}

/** NATS gives dots, blanks, `*` and `>` a meaning. */
function subjectToken(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}
