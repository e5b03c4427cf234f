/** A gRPC server whose every call is authenticated, carries a deadline, and fails with a coded error. */
import { timingSafeEqual, createHash } from 'node:crypto';
import {
  Server,
  ServerCredentials,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { AppError, asAppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';
import { HealthImplementation } from 'grpc-health-check';
import { toStatus } from './errors.ts';

export type CallContext = {
  /** Aborts when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal;
  readonly deadline: Date;
};

export type RpcServer = {
  /** For `server.addService`. */
  readonly server: Server;
  /** grpc.health.v1: what `setServing` says. */
  setServing(serving: boolean): void;
  /** @param address "127.0.0.1:0" for any free port; @returns the port */
  listen(address: string): Promise<number>;
  /** Lets running calls end, for at most `graceMs`. */
  close(graceMs: number): Promise<void>;
};

export function createRpcServer(): RpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': LIMITS.messageBytes,
    'grpc.max_send_message_length': LIMITS.messageBytes,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const health = new HealthImplementation({ '': 'NOT_SERVING' });
  health.addToServer(server);
  return {
    server,
    setServing: (serving) => health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING'),
    listen: (address) =>
      new Promise((resolve, reject) => {
        server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
          error === null ? resolve(port) : reject(error),
        );
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), graceMs);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

/** Checks the `authorization: Bearer …` of a call; throws UNAUTHENTICATED. */
export type Authenticate = (metadata: Metadata) => void;

export function bearerKey(apiKey: string): Authenticate {
  const wanted = sha256(`Bearer ${apiKey}`);
  return (metadata) => {
    const given = metadata.get('authorization');
    const only = given.length === 1 && typeof given[0] === 'string' ? given[0] : '';
    if (!timingSafeEqual(sha256(only), wanted)) {
      throw new AppError('UNAUTHENTICATED', 'the call carries no valid API key (authorization: Bearer …)');
    }
  };
}

/** Errors that are nobody's code: shown to `onBug` with their cause, and to the caller as INTERNAL. */
export type OnBug = (error: AppError, method: string) => void;

export function unary<Request, Response>(
  authenticate: Authenticate,
  onBug: OnBug,
  handle: (request: Request, context: CallContext) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const answer = async () => handle(call.request, admit(call, authenticate));
    answer().then(
      (response) => callback(null, response),
      (thrown: unknown) => callback(toStatus(asCodedError(thrown, onBug, call.getPath()))),
    );
  };
}

/** `handle` yields the frames; a slow reader holds it back. */
export function serverStream<Request, Response>(
  authenticate: Authenticate,
  onBug: OnBug,
  handle: (request: Request, context: CallContext) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const answer = async () => {
      const context = admit(call, authenticate);
      for await (const frame of handle(call.request, context)) {
        context.signal.throwIfAborted();
        if (!call.write(frame)) await drained(call, context.signal);
      }
      call.end();
    };
    answer().catch((thrown: unknown) => {
      if (!call.cancelled) call.emit('error', toStatus(asCodedError(thrown, onBug, call.getPath())));
    });
  };
}

function drained<Request, Response>(call: ServerWritableStream<Request, Response>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    call.once('drain', resolve);
    signal.addEventListener('abort', () => reject(new AppError('DEADLINE_EXCEEDED', 'the reader went away')), {
      once: true,
    });
  });
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getDeadline' | 'on'>;

function admit(call: Call, authenticate: Authenticate): CallContext {
  authenticate(call.metadata);
  const deadline = new Date(call.getDeadline());
  if (Number.isNaN(deadline.getTime())) {
    throw new AppError('DEADLINE_REQUIRED', 'the call carries no deadline; set one');
  }
  const abort = new AbortController();
  call.on('cancelled', () =>
    abort.abort(new AppError('DEADLINE_EXCEEDED', 'the caller is gone or its deadline has passed')),
  );
  return { signal: abort.signal, deadline };
}

function asCodedError(thrown: unknown, onBug: OnBug, method: string): AppError {
  const error = asAppError(thrown);
  if (error.code === 'INTERNAL') onBug(error, method);
  return error;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
