/**
 * An HTTP server whose every error is an RFC 9457 problem with a code: also an unknown path (404), a wrong method (405
 * with Allow), and bytes that are not HTTP. What a caller sends never becomes a 5xx.
 */
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { AppError } from '@morningai/core/errors';
import { parseJsonBody } from './json-body.ts';
import type { Logger } from './logger.ts';
import { sendProblem, type SendError } from './problem.ts';
import { fromFastify, refuseUnparsed } from './refusals.ts';
import { createRouteTable, type RouteTable } from './route-table.ts';

export type HttpServer = FastifyInstance;

export type HttpOptions = {
  readonly logger: Logger;
  /** Bodies above it are refused before they are read to the end; a route may set its own `bodyLimit`. */
  readonly bodyBytes: number;
  /** Default: `sendProblem`. */
  readonly sendError?: SendError;
};

const HEADERS_MS = 10_000;
const BODY_MS = 30_000;
/** No parameter is refused for its length alone: a wrong id is "not found" whatever its size. Node limits headers to 16 KiB. */
const PARAMETER_LENGTH = 16_384;

export function createHttpServer(options: HttpOptions): HttpServer {
  const sendError = options.sendError ?? sendProblem;
  const logger: FastifyBaseLogger = options.logger;
  const http = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytes,
    requestTimeout: BODY_MS,
    connectionTimeout: BODY_MS,
    forceCloseConnections: 'idle',
    // While draining, what still comes in over an open connection is answered as ever, and the connection closed.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PARAMETER_LENGTH },
    frameworkErrors: (thrown, request, reply) => void sendError(request, reply, fromFastify(thrown)),
    clientErrorHandler: refuseUnparsed,
  });
  http.server.headersTimeout = HEADERS_MS;
  http.removeAllContentTypeParsers();
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as AppError);
    }
  });
  const routes = createRouteTable(http);
  http.addHook('onRequest', async (request, reply) => {
    // Before the body: an unknown path is unknown whatever is sent to it.
    if (request.is404) return sendUnrouted(request, reply, routes, sendError);
    if (isCompressed(request)) throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'send the body without a content-encoding');
    return undefined;
  });
  closeWhatFallsIdle(http);
  http.setErrorHandler((thrown: FastifyError, request, reply) => sendError(request, reply, fromFastify(thrown)));
  http.setNotFoundHandler((request, reply) => sendUnrouted(request, reply, routes, sendError));
  return http;
}

function sendUnrouted(
  request: FastifyRequest,
  reply: FastifyReply,
  routes: RouteTable,
  sendError: SendError,
): FastifyReply {
  const path = pathOf(request.url);
  const allowed = routes.methodsAt(path);
  if (allowed.length === 0) return sendError(request, reply, new AppError('ROUTE_NOT_FOUND', `there is no ${path}`));
  void reply.header('allow', allowed.join(', '));
  return sendError(
    request,
    reply,
    new AppError('METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(', ')}, not ${request.method}`),
  );
}

/** Draining: a connection that was busy when the server closed is closed after its answer, not kept alive for more. */
function closeWhatFallsIdle(http: HttpServer): void {
  let isClosing = false;
  http.addHook('preClose', async () => {
    isClosing = true;
  });
  http.addHook('onResponse', async () => {
    // A turn later Node counts the connection as idle.
    if (isClosing) setImmediate(() => http.server.closeIdleConnections());
  });
}

function isCompressed(request: FastifyRequest): boolean {
  const encoding = request.headers['content-encoding'];
  return encoding !== undefined && encoding.toLowerCase() !== 'identity';
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}
