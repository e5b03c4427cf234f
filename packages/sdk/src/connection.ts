/** The stream to an orchestrator: opened again whenever it breaks, to the next address. */
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { backoffMs } from '@morningai/core/backoff';
import type { ErrorCode } from '@morningai/core/errors';
import { bearer, openClient } from '@morningai/rpc/client';
import { fromStatus } from '@morningai/rpc/errors';
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
  readonly onMessage: (message: Incoming) => void;
  /** The stream broke; the next is opened in `retryInMs`. */
  readonly onBreak: (why: string, retryInMs: number) => void;
};

export type Connection = {
  /**
   * Sends if there is a stream; what must not be lost is said again after Welcome.
   * @param onSent called once, when it has left this process or the stream is gone
   */
  send(message: Outgoing, onSent?: () => void): void;
  /** Sends what may be lost, if the other side keeps up. */
  offer(message: Outgoing): void;
  /** To the orchestrator of the newest stream. */
  readonly client: WorkerServiceClient;
  close(): void;
};

const RECONNECT = { baseMs: 100, capMs: 1_000 };
const RECONNECT_MIN_MS = 50;
/** Two workers with one id would take turns in throwing each other out. */
const REPLACED_MS = 1_000;
/** A frozen orchestrator keeps its sockets: it is left well before the leases run out. */
const CHANNEL = { 'grpc.keepalive_time_ms': 3_000, 'grpc.keepalive_timeout_ms': 3_000 };
/**
 * The callback of a write says only that grpc-js has the frame, in a buffer for its retries. HTTP/2 writes it to the socket one turn of
 * the event loop later, two when another write was under way; from then on it arrives, even if this process ends.
 */
const TURNS_TO_SOCKET = 3;
/** Messages that may be lost wait in this process no longer than so many others. */
const OFFERS_BEHIND_MAX = 1_000;
const WELCOME_WITHIN_MS = 10_000;
/** Well under the message limit. */
const FRAME_BYTES = 1024 * 1024;
const MESSAGE_BYTES = 150;

export function openConnection(options: ConnectionOptions): Connection {
  const clientOf = (turn: number) =>
    openClient(WorkerServiceClient, options.addresses[turn % options.addresses.length] ?? '', CHANNEL);

  let stream: ClientDuplexStream<WorkerFrame, OrchestratorFrame> | null = null;
  let waiting: Outgoing[] = [];
  const onSents = new Set<() => void>();
  let closed = false;
  let failures = 0;
  /** Which of the addresses is next. */
  let turn = 0;
  let client = clientOf(turn);
  let retry: NodeJS.Timeout | undefined;

  const open = () => {
    const current = client;
    const work = current.work(bearer(options.apiKey));
    [stream, waiting] = [work, []];
    let broken = false;
    // A stream that is open and says nothing is as good as broken.
    const unwelcome = setTimeout(() => onEnd('no answer to Hello'), WELCOME_WITHIN_MS).unref();
    const onEnd = (why: string, code?: ErrorCode) => {
      if (broken) return;
      broken = true;
      clearTimeout(unwelcome);
      stream = null;
      work.cancel();
      current.close();
      sent([...onSents]);
      if (closed) return;
      turn += 1;
      client = clientOf(turn);
      const leastMs = code === 'WORKER_REPLACED' ? REPLACED_MS : RECONNECT_MIN_MS;
      const retryInMs = leastMs + backoffMs(failures, RECONNECT, Math.random());
      failures += 1;
      options.onBreak(why, retryInMs);
      retry = setTimeout(open, retryInMs);
    };
    work.on('data', (frame: OrchestratorFrame) => {
      failures = 0;
      clearTimeout(unwelcome);
      for (const { message } of frame.messages) if (message !== undefined) options.onMessage(message);
    });
    work.on('error', (error: ServiceError) => onEnd(error.message, fromStatus(error).code));
    work.on('end', () => onEnd('the orchestrator ended the stream'));
    work.write({ messages: [{ message: options.hello() }] });
  };

  const sent = (listeners: readonly (() => void)[]) => {
    for (const listener of listeners) if (onSents.delete(listener)) listener();
  };

  const flush = () => {
    const messages = waiting;
    waiting = [];
    if (stream === null) return;
    const listeners = [...onSents];
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
    if (listeners.length > 0) afterTurns(TURNS_TO_SOCKET, () => sent(listeners));
  };

  const send = (message: Outgoing, onSent?: () => void) => {
    if (stream === null) return onSent?.();
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(message);
    if (onSent !== undefined) onSents.add(onSent);
  };

  open();
  return {
    send,
    offer(message) {
      if (stream?.writableNeedDrain === false && waiting.length < OFFERS_BEHIND_MAX) send(message);
    },
    get client() {
      return client;
    },
    close() {
      closed = true;
      clearTimeout(retry);
      stream?.end();
      stream = null;
      client.close();
      sent([...onSents]);
    },
  };
}

function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
}

function sizeOf(message: Outgoing): number {
  if (message.$case === 'completed') return MESSAGE_BYTES + message.value.outputJson.length;
  if (message.$case === 'stepRecorded' && message.value.outcome?.$case === 'outputJson') {
    return MESSAGE_BYTES + message.value.outcome.value.length;
  }
  return MESSAGE_BYTES;
}
