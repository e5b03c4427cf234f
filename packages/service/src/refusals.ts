/** What Fastify and Node refuse by themselves, with our codes. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, asAppError } from '@morningai/core/errors';
import { problemBody } from './problem.ts';

export function fromFastify(thrown: Error & { readonly code?: string; readonly statusCode?: number }): AppError {
  if (thrown instanceof AppError) return thrown;
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('BODY_TOO_LARGE', 'the body is over the size limit');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('MEDIA_TYPE_UNSUPPORTED', 'send the body as application/json');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new AppError('REQUEST_INVALID', 'the content-length does not fit the body');
    case 'FST_ERR_BAD_URL':
      return new AppError('REQUEST_INVALID', 'the path is not a valid URL path');
    default:
      if (thrown.statusCode !== undefined && thrown.statusCode < 500) {
        return new AppError('REQUEST_INVALID', thrown.message, { cause: thrown });
      }
      return asAppError(thrown);
  }
}

/** Answers what Node's parser refused, before there is a request: broken HTTP, headers too large, too slow. */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemBody(
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new AppError('REQUEST_TIMEOUT', 'the request did not arrive in time')
      : new AppError('REQUEST_INVALID', 'this is not an HTTP request that can be read'),
  );
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status] ?? ''}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
