import { z } from 'zod';
import { isoOrNull, jsonOrNull } from '../domain/task-json.ts';
import type { Orchestrator } from '../rpc/orchestrator.ts';
import { defineRoute, type Route } from './route.ts';

export const agentJsonSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  inputSchema: z.unknown(),
  connectedWorkers: z.int(),
  freeSlots: z.int(),
  lastSeenAt: z.iso.datetime().nullable(),
});

/** GET /v1/agents */
export function listAgentsRoute(orchestrator: Orchestrator): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/agents',
    name: 'listAgents',
    about: 'Every agent and version that a worker has ever offered, and who is there now.',
    answers: {
      200: {
        about: 'All of them.',
        schema: z.strictObject({ agents: z.array(agentJsonSchema), next: z.null() }),
      },
    },
    handle: async ({ signal }) => {
      const { agents } = await orchestrator.listAgents(signal);
      const body = agents.map((agent) => ({
        name: agent.name,
        version: agent.version,
        inputSchema: jsonOrNull(agent.inputSchemaJson),
        connectedWorkers: agent.connectedWorkers,
        freeSlots: agent.freeSlots,
        lastSeenAt: isoOrNull(agent.lastSeenAt),
      }));
      return { status: 200, body: { agents: body, next: null } };
    },
  });
}
