/** Where an AppError becomes a gRPC status, and back. The code travels in the metadata. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { AppError, ERROR_KINDS, asAppError, isErrorCode, type ErrorCode } from '@morningai/core/errors';
import type { Problem } from './gen/morningai/v1/tasks.ts';

const CODE_KEY = 'morningai-code';
const DETAILS_KEY = 'morningai-details-bin';

export type StatusError = { readonly code: number; readonly details: string; readonly metadata: Metadata };

export function toStatus(error: AppError): StatusError {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  if (error.details !== undefined) metadata.set(DETAILS_KEY, Buffer.from(JSON.stringify(error.details)));
  return { code: ERROR_KINDS[error.kind].grpc, details: error.message, metadata };
}

/** Any gRPC failure as an AppError: ours by its code, the library's own by its status. */
export function fromStatus(error: ServiceError): AppError {
  const code = error.metadata?.get(CODE_KEY)[0];
  if (typeof code === 'string' && isErrorCode(code)) {
    const details = error.metadata.get(DETAILS_KEY)[0];
    return new AppError(code, error.details, {
      cause: error,
      ...(Buffer.isBuffer(details) ? { details: JSON.parse(details.toString()) as unknown } : {}),
    });
  }
  return new AppError(codeOfStatus(error.code), error.details || error.message, { cause: error });
}

function codeOfStatus(code: status): ErrorCode {
  switch (code) {
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
      return 'DEADLINE_EXCEEDED';
    case status.UNAVAILABLE:
      return 'ORCHESTRATOR_UNAVAILABLE';
    case status.RESOURCE_EXHAUSTED:
      return 'BODY_TOO_LARGE';
    case status.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    case status.UNIMPLEMENTED:
      return 'NOT_IMPLEMENTED';
    default:
      return 'INTERNAL';
  }
}

/** An error of one item in a batch. */
export function toProblem(thrown: unknown): Problem {
  const error = asAppError(thrown);
  const detailsJson = error.details === undefined ? '' : JSON.stringify(error.details);
  return { code: error.code, message: error.message, retryable: error.retryable, detailsJson };
}

export function fromProblem(problem: Problem): AppError {
  const code = isErrorCode(problem.code) ? problem.code : 'INTERNAL';
  const details = problem.detailsJson === '' ? {} : { details: JSON.parse(problem.detailsJson) as unknown };
  return new AppError(code, problem.message, details);
}
