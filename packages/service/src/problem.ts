/** An error as an RFC 9457 problem. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_CODES, ERROR_KINDS, type AppError } from '@morningai/core/errors';

const RETRY_AFTER_SECONDS = 1;

/** Answers a request with an error. */
export type SendError = (request: FastifyRequest, reply: FastifyReply, error: AppError) => FastifyReply;

export type ProblemBody = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly [extension: string]: unknown;
};

/** RFC 9457; `type` points to the code's section in docs/errors.md. */
export function problemBody(error: AppError): ProblemBody {
  return {
    type: `https://github.com/RC918/morningai/blob/main/docs/errors.md#${error.code.toLowerCase()}`,
    title: ERROR_CODES[error.code].title,
    status: ERROR_KINDS[error.kind].http,
    code: error.code,
    detail: error.message,
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): FastifyReply {
  const body = problemBody(error);
  describeError(request, reply, error);
  return reply.code(body.status).type('application/problem+json').send(JSON.stringify(body));
}

/** What goes with an error whatever its body looks like: a log line for ours, and the headers its status asks for. */
export function describeError(request: FastifyRequest, reply: FastifyReply, error: AppError): void {
  const status = ERROR_KINDS[error.kind].http;
  if (status >= 500)
    request.log[error.kind === 'internal' ? 'error' : 'warn']({ error, code: error.code }, 'request failed');
  if (status === 503 || status === 504 || status === 429) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
}
