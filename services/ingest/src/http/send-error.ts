import { describeError, sendProblem, type SendError } from '@morningai/service/problem';
import { originalError } from '../domain/original.ts';
import { ORIGINAL_PREFIX } from './original-routes.ts';

/** Errors as problems; under the original's paths in the original's shape. */
export const sendError: SendError = (request, reply, error) => {
  if (!request.url.startsWith(ORIGINAL_PREFIX)) return sendProblem(request, reply, error);
  describeError(request, reply, error);
  const { status, body } = originalError(error);
  return reply.code(status).type('application/json').send(JSON.stringify(body));
};
