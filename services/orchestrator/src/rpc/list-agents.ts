import { storeUnavailable } from '@morningai/log/postgres-failure';
import type { ListAgentsResponse } from '@morningai/rpc/tasks';
import type { Parts } from './parts.ts';

export async function listAgents(parts: Parts): Promise<ListAgentsResponse> {
  const records = await parts.catalog.all().catch(storeUnavailable);
  const agents = records.map(({ name, version, inputSchema, lastSeenAt }) => {
    const connected = parts.roster.members.filter((member) => member.agents.get(name) === version);
    return {
      name,
      version,
      inputSchemaJson: inputSchema,
      lastSeenAt,
      connectedWorkers: connected.length,
      freeSlots: connected.length === 0 ? 0 : parts.roster.free(name),
    };
  });
  return { agents };
}
