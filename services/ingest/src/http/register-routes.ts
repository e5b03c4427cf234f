/** Serves the routes: the key first, then the query, then the body, then the handler. */
import { Readable } from 'node:stream';
import { AppError } from '@morningai/core/errors';
import type { HttpServer } from '@morningai/service/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checked } from '../domain/checked.ts';
import type { Authenticate } from './authenticate.ts';
import type { Answer, Route } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the API key; empty on a public route. */
    tenant: string;
  }
}

export function registerRoutes(http: HttpServer, routes: readonly Route[], authenticate: Authenticate): void {
  http.decorateRequest('tenant', '');
  for (const route of routes) {
    http.route({
      method: route.method,
      url: fastifyPath(route.path),
      exposeHeadRoute: route.method === 'GET' && route.isStream !== true,
      ...(route.body === undefined ? {} : { bodyLimit: route.body.bytes }),
      onRequest: async (request) => {
        // Before the body is read: who has no key makes us read nothing.
        if (route.isPublic !== true) request.tenant = authenticate(request.raw);
      },
      handler: (request, reply) => serve(route, request, reply),
    });
  }
}

async function serve(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const answer = await route.handle({
    tenant: request.tenant,
    parameters: request.params as Record<string, string>,
    query: route.query === undefined ? undefined : checked(route.query, { ...(request.query as object) }),
    body: route.body === undefined ? undefined : checked(route.body.schema, bodyOf(route.body, request)),
    header: (name) => request.raw.headersDistinct[name] ?? [],
    signal: goneSignal(reply),
  });
  return send(reply, answer);
}

function bodyOf({ isOptional }: NonNullable<Route['body']>, request: FastifyRequest): unknown {
  return request.body === undefined && isOptional === true ? {} : request.body;
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  void reply.code(status).headers(headers ?? {});
  if (isAsyncIterable(body)) return reply.send(Readable.from(body));
  if (body === undefined) return reply.send();
  if (headers?.['content-type'] === undefined) void reply.type('application/json');
  return reply.send(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Aborts when the connection closes before the answer is out. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const abort = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) abort.abort(new AppError('DEADLINE_EXCEEDED', 'the caller is gone'));
  });
  return abort.signal;
}

/** "/v1/tasks:batch", "/v1/tasks/{id}" and "/v1/tasks/{id}:cancel" in Fastify's syntax: a parameter before a colon ends there. */
function fastifyPath(path: string): string {
  return path
    .replaceAll(':', '::')
    .replaceAll(/\{(\w+)\}(?=::)/g, ':$1([^:]+)')
    .replaceAll(/\{(\w+)\}/g, ':$1');
}

function isAsyncIterable(body: unknown): body is AsyncIterable<string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}
