import { z } from 'zod';
import { parseTaskId } from '../domain/task-id.ts';
import { isoOrNull, jsonOrNull, TASK_STATUSES } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

export const whyJsonSchema = z.strictObject({
  id: z.uuid(),
  status: z.enum(TASK_STATUSES),
  reason: z.string(),
  text: z.string(),
  since: z.iso.datetime().nullable(),
  lane: z.enum(['queue', 'log']).nullable(),
  details: z.record(z.string(), z.unknown()),
});

type WhyJson = z.output<typeof whyJsonSchema>;

/** GET /v1/tasks/{id}/why */
export function whyTaskRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/tasks/{id}/why',
    name: 'whyTask',
    about: 'Why the task is where it is: what it waits for and since when, or that nothing holds it.',
    answers: { 200: { about: 'The reason, as a code and in words.', schema: whyJsonSchema } },
    handle: async ({ tenant, parameters, signal }) => {
      const id = parseTaskId(parameters['id'] ?? '');
      const { status, reason, text, since, lane, detailsJson } = await orchestrator.whyTask(tenant, id, signal);
      const body: WhyJson = {
        id,
        status: status as WhyJson['status'],
        reason,
        text,
        since: isoOrNull(since),
        lane: lane === '' ? null : (lane as WhyJson['lane']),
        details: (jsonOrNull(detailsJson) ?? {}) as WhyJson['details'],
      };
      return { status: 200, body };
    },
  });
}
