/**
 * Every error a caller may see has a code. The kind says how gRPC and HTTP name it; docs/errors.md says what to do about
 * each code, and a test compares the two.
 */

/** Kind of error → the status codes of the two protocols. The only such table. */
export const ERROR_KINDS = {
  invalid: { http: 400, grpc: 3 },
  unprocessable: { http: 422, grpc: 3 },
  tooLarge: { http: 413, grpc: 3 },
  unsupported: { http: 415, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  notFound: { http: 404, grpc: 5 },
  methodNotAllowed: { http: 405, grpc: 12 },
  conflict: { http: 409, grpc: 9 },
  limited: { http: 429, grpc: 8 },
  timeout: { http: 408, grpc: 4 },
  unavailable: { http: 503, grpc: 14 },
  deadline: { http: 504, grpc: 4 },
  unimplemented: { http: 501, grpc: 12 },
  internal: { http: 500, grpc: 13 },
} as const;

export type ErrorKind = keyof typeof ERROR_KINDS;

/** Code → kind, whether the same call may succeed later, and a short title. */
export const ERROR_CODES = {
  REQUEST_INVALID: { kind: 'invalid', retryable: false, title: 'The request has missing, wrong or unknown fields' },
  BODY_NOT_JSON: { kind: 'invalid', retryable: false, title: 'The body is not JSON' },
  MEDIA_TYPE_UNSUPPORTED: { kind: 'unsupported', retryable: false, title: 'The content type is not JSON' },
  BODY_TOO_LARGE: { kind: 'tooLarge', retryable: false, title: 'The body is over the size limit' },
  INPUT_TOO_LARGE: { kind: 'tooLarge', retryable: false, title: "The task's input is over 256 KiB" },
  OUTPUT_TOO_LARGE: { kind: 'tooLarge', retryable: false, title: 'The output of a task or step is over 256 KiB' },
  INPUT_INVALID: { kind: 'unprocessable', retryable: false, title: "The agent's schema refuses the input" },
  JSON_TOO_COMPLEX: {
    kind: 'unprocessable',
    retryable: false,
    title: 'The JSON is nested too deep or has too many keys',
  },
  TEXT_NOT_STORABLE: { kind: 'unprocessable', retryable: false, title: 'A text has a NUL or a lone surrogate' },
  NUMBER_OUT_OF_RANGE: { kind: 'unprocessable', retryable: false, title: 'A number cannot be represented' },
  VALUE_REFUSED: { kind: 'unprocessable', retryable: false, title: 'Postgres refused a value of this one command' },
  AGENT_UNKNOWN: { kind: 'unprocessable', retryable: false, title: 'No worker has ever offered this agent' },
  IDEMPOTENCY_MISMATCH: {
    kind: 'unprocessable',
    retryable: false,
    title: 'The idempotency key was used with another request',
  },
  UNAUTHENTICATED: { kind: 'unauthenticated', retryable: false, title: 'The API key is missing or wrong' },
  TASK_NOT_FOUND: { kind: 'notFound', retryable: false, title: 'There is no such task' },
  ROUTE_NOT_FOUND: { kind: 'notFound', retryable: false, title: 'There is no such route' },
  METHOD_NOT_ALLOWED: { kind: 'methodNotAllowed', retryable: false, title: 'The route does not take this method' },
  REQUEST_TIMEOUT: { kind: 'timeout', retryable: true, title: 'The request did not arrive in time' },
  FENCED: { kind: 'conflict', retryable: false, title: 'This attempt no longer holds the claim' },
  WORKER_REPLACED: { kind: 'conflict', retryable: false, title: 'Another worker with this workerId has joined' },
  STEP_OUT_OF_ORDER: { kind: 'conflict', retryable: false, title: 'The step does not follow the recorded ones' },
  TASK_TOO_LONG: { kind: 'conflict', retryable: false, title: 'The task has too many events or bytes' },
  TASK_FINISHED: { kind: 'conflict', retryable: false, title: 'The task has completed or failed already' },
  TASK_NOT_FAILED: { kind: 'conflict', retryable: false, title: 'Only a failed task can be retried' },
  NOTHING_MATCHED: { kind: 'conflict', retryable: false, title: 'The filter matches no task' },
  LIMIT_REACHED: { kind: 'limited', retryable: true, title: 'A limit of the tenant is reached' },
  REPLAY_RUNNING: { kind: 'conflict', retryable: true, title: 'Another replay of this log is running' },
  QUEUE_URL_INVALID: { kind: 'invalid', retryable: false, title: 'The URL to move the queue to is no Redis URL' },
  QUEUE_TARGET_UNREACHABLE: {
    kind: 'conflict',
    retryable: true,
    title: 'The Redis to move the queue to does not answer',
  },
  QUEUE_TARGET_REFUSES: {
    kind: 'conflict',
    retryable: false,
    title: 'The Redis to move the queue to does not let us in',
  },
  QUEUE_TARGET_EVICTS: {
    kind: 'conflict',
    retryable: false,
    title: 'The Redis to move the queue to may erase tickets',
  },
  QUEUE_TARGET_UNFIT: {
    kind: 'conflict',
    retryable: false,
    title: 'The Redis to move the queue to cannot have tickets',
  },
  QUEUE_TARGET_TAKEN: { kind: 'conflict', retryable: false, title: 'The Redis to move the queue to is not empty' },
  QUEUE_ALREADY_THERE: { kind: 'conflict', retryable: false, title: 'The queue is on this server already' },
  QUEUE_MOVE_RUNNING: { kind: 'conflict', retryable: true, title: 'The queue is being moved already' },
  OVERLOADED: { kind: 'unavailable', retryable: true, title: 'Too many commands are waiting' },
  STORE_UNAVAILABLE: { kind: 'unavailable', retryable: true, title: 'Postgres cannot be reached or does not answer' },
  ORCHESTRATOR_UNAVAILABLE: { kind: 'unavailable', retryable: true, title: 'The orchestrator cannot be reached' },
  DRAINING: { kind: 'unavailable', retryable: true, title: 'The service is shutting down' },
  DEADLINE_EXCEEDED: { kind: 'deadline', retryable: true, title: 'No answer in time: the outcome is unknown' },
  DEADLINE_REQUIRED: { kind: 'invalid', retryable: false, title: 'A gRPC call must carry a deadline' },
  NOT_IMPLEMENTED: { kind: 'unimplemented', retryable: false, title: 'Not part of this release' },
  CONFIG_INVALID: { kind: 'invalid', retryable: false, title: 'The configuration has errors' },
  BACKENDS_UNAVAILABLE: { kind: 'unavailable', retryable: false, title: 'Postgres, Redis or NATS cannot be had here' },
  BACKEND_NOT_OURS: {
    kind: 'conflict',
    retryable: false,
    title: 'The backend was given by URL and is not ours to hurt',
  },
  COMPONENT_DOWN: { kind: 'conflict', retryable: true, title: 'The component does not run' },
  COMPONENT_FAULT_REFUSED: { kind: 'invalid', retryable: false, title: 'This cannot be done to this component' },
  STACK_UNREACHABLE: { kind: 'unavailable', retryable: true, title: 'The process that runs the stack does not answer' },
  BACKEND_START_FAILED: { kind: 'unavailable', retryable: true, title: 'A backend did not start' },
  INTERNAL: { kind: 'internal', retryable: false, title: 'A bug: the log has the details' },
} as const satisfies Record<string, { kind: ErrorKind; retryable: boolean; title: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The one error type that crosses a boundary. `details` is JSON and safe to show to the caller. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
  }

  /** True if the same call may succeed later, unchanged. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** Whatever was thrown, as an AppError: a programmer's error becomes INTERNAL and keeps its cause. */
export function asAppError(thrown: unknown): AppError {
  return thrown instanceof AppError ? thrown : new AppError('INTERNAL', 'internal error', { cause: thrown });
}
