/**
 * The headers of a message of the feed. Those that only the server reads are written as one text: the library validates and looks up
 * every header as it is set, which took longer than all else of a publish.
 */
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { MsgHdrsImpl } from '@nats-io/nats-core/internal';

/** Names and values without a line break. */
export type FeedHeaders = Readonly<Record<string, string>>;

/** Sent as they are: the library adds none of its own. */
export function fixedHeaders(values: FeedHeaders): MsgHdrs {
  return new FixedHeaders(values);
}

/** To which the library may add. */
export function openHeaders(values: FeedHeaders): MsgHdrs {
  const open = headers();
  for (const [name, value] of Object.entries(values)) open.set(name, value);
  return open;
}

class FixedHeaders extends MsgHdrsImpl {
  readonly #values: FeedHeaders;

  constructor(values: FeedHeaders) {
    super();
    this.#values = values;
  }

  override encode(): Uint8Array {
    let text = 'NATS/1.0\r\n';
    for (const name in this.#values) text += `${name}: ${this.#values[name]}\r\n`;
    return Buffer.from(`${text}\r\n`);
  }
}
