/** What a client throws: the code says which error it is (docs/errors.md; a failed task has its agent's own code). */
export class ClientError extends Error {
  /** `TASK_NOT_FOUND`, `REQUEST_INVALID`, …; `NETWORK_ERROR` when no answer came; `TIMEOUT` when the time was over. */
  readonly code: string;
  /** The HTTP status, or null when there was no answer. */
  readonly status: number | null;
  /** True if the same call, with the same idempotency key, may succeed later. */
  readonly retryable: boolean;
  readonly details: unknown;

  constructor(
    code: string,
    message: string,
    options: {
      readonly status?: number | null;
      readonly retryable?: boolean;
      readonly details?: unknown;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ClientError';
    this.code = code;
    this.status = options.status ?? null;
    this.retryable = options.retryable ?? false;
    this.details = options.details;
  }
}

/** The same call may succeed later: too many requests, or something behind the API is away. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** An answer that is no success, as an error: its problem's code, or one for its status. */
export async function errorOfAnswer(answer: Response): Promise<ClientError> {
  const { status } = answer;
  const text = await answer.text().catch(() => '');
  const problem = parseObject(text);
  const code = typeof problem['code'] === 'string' ? problem['code'] : `HTTP_${status}`;
  const message = typeof problem['detail'] === 'string' ? problem['detail'] : `the API answered ${status}`;
  return new ClientError(code, message, {
    status,
    retryable: RETRYABLE_STATUSES.has(status),
    details: problem['details'],
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not every proxy on the way speaks JSON: the status says enough.
    return {};
  }
}
