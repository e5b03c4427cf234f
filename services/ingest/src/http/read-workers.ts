import { z } from 'zod';
import { isoOrNull } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

export const workerJsonSchema = z.strictObject({
  id: z.string(),
  agents: z.array(z.strictObject({ name: z.string(), version: z.string() })),
  slots: z.int(),
  taken: z.int(),
  silent: z.boolean(),
  draining: z.boolean(),
  since: z.iso.datetime().nullable(),
  quietMs: z.int(),
});

/** GET /v1/workers */
export function listWorkersRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/workers',
    name: 'listWorkers',
    about: 'The workers that are connected to the orchestrator, and what each is doing.',
    answers: {
      200: { about: 'All of them.', schema: z.strictObject({ workers: z.array(workerJsonSchema), next: z.null() }) },
    },
    handle: async ({ signal }) => {
      const { workers } = await orchestrator.listWorkers(signal);
      const body = workers.map(({ quiet, since, ...worker }) => ({
        ...worker,
        since: isoOrNull(since),
        quietMs: quiet === undefined ? 0 : Number(quiet.seconds) * 1_000 + Math.round(quiet.nanos / 1e6),
      }));
      return { status: 200, body: { workers: body, next: null } };
    },
  });
}
