/** Clients whose every call has a deadline and throws AppErrors. */
import {
  credentials,
  Metadata,
  type ChannelOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { LIMITS } from '@morningai/core/limits';
import { fromStatus } from './errors.ts';

/** An unreachable orchestrator is tried again soon: the default backs off to two minutes. */
const CHANNEL: ChannelOptions = {
  'grpc.max_receive_message_length': LIMITS.messageBytes,
  'grpc.max_send_message_length': LIMITS.messageBytes,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

type ClientClass<C> = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
  options: ChannelOptions,
) => C;

/** @param address "host:port"; @param channel over the defaults */
export function openClient<C>(Client: ClientClass<C>, address: string, channel: ChannelOptions = {}): C {
  return new Client(address, credentials.createInsecure(), { ...CHANNEL, ...channel });
}

export function bearer(apiKey: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${apiKey}`);
  return metadata;
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export type CallOptions = { readonly metadata: Metadata; readonly deadlineMs: number; readonly signal?: AbortSignal };

/**
 * One unary call: `callUnary((...args) => client.getTask(...args), request, options)`.
 * @throws AppError
 */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const call = method(request, options.metadata, { deadline: Date.now() + options.deadlineMs }, (error, response) => {
      options.signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(fromStatus(error));
    });
    const cancel = () => call.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    if (options.signal?.aborted) cancel();
  });
}

type StreamMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
) => ClientReadableStream<Response>;

/**
 * One call whose answer is a stream: `callStream((...args) => client.readEvents(...args), request, options)`. Whoever stops reading
 * ends the call.
 * @throws AppError
 */
export async function* callStream<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request,
  options: CallOptions,
): AsyncGenerator<Response> {
  options.signal?.throwIfAborted();
  const call = method(request, options.metadata, { deadline: Date.now() + options.deadlineMs });
  const cancel = () => call.cancel();
  options.signal?.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of call) yield message as Response;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fromStatus(error as ServiceError);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}
