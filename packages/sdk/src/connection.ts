/** The stream to an orchestrator: opened again whenever it breaks, to the next address. */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { backoffMs } from '@morningai/core/backoff';
import { bearer, openClient } from '@morningai/rpc/client';
import {
  WorkerServiceClient,
  type OrchestratorFrame,
  type OrchestratorMessage,
  type WorkerFrame,
  type WorkerMessage,
} from '@morningai/rpc/worker';

export type Outgoing = NonNullable<WorkerMessage['message']>;
export type Incoming = NonNullable<OrchestratorMessage['message']>;

export type ConnectionOptions = {
  readonly addresses: readonly string[];
  readonly apiKey: string;
  /** The first message of each new stream. */
  readonly hello: () => Outgoing;
  readonly onMessage: (message: Incoming, client: WorkerServiceClient) => void;
  /** The stream broke; the next is opened in `retryInMs`. */
  readonly onBreak: (why: string, retryInMs: number) => void;
};

export type Connection = {
  /** Sends if there is a stream; what must not be lost is said again after Welcome. */
  send(message: Outgoing): void;
  close(): void;
};

const RECONNECT = { baseMs: 100, capMs: 1_000 };
const RECONNECT_MIN_MS = 50;
const WELCOME_WITHIN_MS = 10_000;
/** Well under the message limit. */
const FRAME_BYTES = 1024 * 1024;
const MESSAGE_BYTES = 150;

export function openConnection(options: ConnectionOptions): Connection {
  let stream: ClientDuplexStream<WorkerFrame, OrchestratorFrame> | null = null;
  let client: WorkerServiceClient | null = null;
  let waiting: Outgoing[] = [];
  let closed = false;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;

  const open = () => {
    const address = options.addresses[failures % options.addresses.length] ?? '';
    const current = openClient(WorkerServiceClient, address);
    const work = current.work(bearer(options.apiKey));
    [client, stream, waiting] = [current, work, []];
    let broken = false;
    // A stream that is open and says nothing is as good as broken.
    const unwelcome = setTimeout(() => onEnd('no answer to Hello'), WELCOME_WITHIN_MS).unref();
    const onEnd = (why: string) => {
      if (broken) return;
      broken = true;
      clearTimeout(unwelcome);
      stream = null;
      work.cancel();
      current.close();
      if (closed) return;
      const retryInMs = RECONNECT_MIN_MS + backoffMs(failures, RECONNECT, Math.random());
      failures += 1;
      options.onBreak(why, retryInMs);
      retry = setTimeout(open, retryInMs);
    };
    work.on('data', (frame: OrchestratorFrame) => {
      failures = 0;
      clearTimeout(unwelcome);
      for (const { message } of frame.messages) if (message !== undefined) options.onMessage(message, current);
    });
    work.on('error', (error: Error) => onEnd(error.message));
    work.on('end', () => onEnd('the orchestrator ended the stream'));
    work.write({ messages: [{ message: options.hello() }] });
  };

  const flush = () => {
    const messages = waiting;
    waiting = [];
    if (stream === null) return;
    let frame: WorkerFrame = { messages: [] };
    let bytes = 0;
    for (const message of messages) {
      const size = sizeOf(message);
      if (bytes > 0 && bytes + size > FRAME_BYTES) {
        stream.write(frame);
        [frame, bytes] = [{ messages: [] }, 0];
      }
      frame.messages.push({ message });
      bytes += size;
    }
    stream.write(frame);
  };

  open();
  return {
    send(message) {
      if (stream === null) return;
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(message);
    },
    close() {
      closed = true;
      clearTimeout(retry);
      stream?.end();
      stream = null;
      client?.close();
    },
  };
}

function sizeOf(message: Outgoing): number {
  if (message.$case === 'completed') return MESSAGE_BYTES + message.value.outputJson.length;
  if (message.$case === 'stepRecorded' && message.value.outcome?.$case === 'outputJson') {
    return MESSAGE_BYTES + message.value.outcome.value.length;
  }
  return MESSAGE_BYTES;
}
