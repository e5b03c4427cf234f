import { z } from 'zod';
import type { Readiness } from '../rpc/readiness.ts';
import { defineRoute, type Route } from './route.ts';

/** GET /health/live: the process answers. */
export function liveRoute(): Route {
  return defineRoute({
    method: 'GET',
    path: '/health/live',
    name: 'isLive',
    about: 'The process answers.',
    isPublic: true,
    answers: { 200: { about: 'It does.', schema: z.strictObject({ status: z.literal('live') }) } },
    handle: async () => ({ status: 200, body: { status: 'live' } }),
  });
}

const readyBody = z.strictObject({ status: z.enum(['ready', 'not ready', 'draining']), why: z.string().nullable() });

/** GET /health/ready: tasks can be accepted: the orchestrator answers, and its Postgres. Redis and NATS are not needed. */
export function readyRoute(readiness: Readiness): Route {
  return defineRoute({
    method: 'GET',
    path: '/health/ready',
    name: 'isReady',
    about: 'Tasks can be accepted: the orchestrator answers, and its Postgres.',
    isPublic: true,
    answers: {
      200: { about: 'They can.', schema: readyBody },
      503: { about: 'They cannot, and why.', schema: readyBody },
    },
    handle: async () => {
      const why = await readiness.whyNotReady();
      if (readiness.isDraining)
        return { status: 503, body: { status: 'draining', why: 'the service is shutting down' } };
      return why === null
        ? { status: 200, body: { status: 'ready', why } }
        : { status: 503, body: { status: 'not ready', why } };
    },
  });
}
