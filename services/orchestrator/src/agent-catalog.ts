/** The agents that workers have offered, remembered in Postgres and kept here for the accept path. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, asAppError } from '@morningai/core/errors';
import type { Json } from '@morningai/core/task';
import type { Pool } from '@morningai/log/pool';
import { storeUnavailable } from '@morningai/log/postgres-failure';
import { isAgentName, type AgentRecord } from './domain/agent-record.ts';
import { createInputCheck } from './domain/input-check.ts';
import { listAgents, rememberAgent } from './store/agents.ts';

export type AgentCatalog = {
  /** The version last offered, whose schema takes this input. @throws AppError AGENT_UNKNOWN, INPUT_INVALID */
  accepting(name: string, input: Json): Promise<AgentRecord>;
  /** As far as this process knows, without asking Postgres. */
  known(name: string): AgentRecord | undefined;
  names(): readonly string[];
  all(): Promise<readonly AgentRecord[]>;
  /** @throws AppError REQUEST_INVALID for a bad name or schema */
  remember(agent: Omit<AgentRecord, 'lastSeenAt'>): Promise<void>;
  refresh(): Promise<void>;
};

/** A refusal asks Postgres again first; those of so long a time ask together. */
const MISS_REFRESH_MS = 250;

export function createAgentCatalog(pool: Pool): AgentCatalog {
  const inputs = createInputCheck();
  let byName = new Map<string, AgentRecord>();
  /** What is here is at least as new as this. */
  let asOf = -Infinity;
  let refreshing: Promise<void> | null = null;

  const load = async () => {
    const askedAt = performance.now();
    const agents = await listAgents(pool).catch(storeUnavailable);
    // Listed newest first within a name; the first one stays.
    byName = new Map(agents.toReversed().map((agent) => [agent.name, agent]));
    asOf = Math.max(asOf, askedAt);
  };
  const refresh = () => (refreshing ??= load().finally(() => (refreshing = null)));

  const isOlderThan = (time: number) => asOf < time;

  const check = (name: string, input: Json) => {
    const agent = byName.get(name);
    if (agent === undefined) {
      throw new AppError('AGENT_UNKNOWN', `no worker has ever offered the agent "${name}"`, {
        details: { agent: name, known: [...byName.keys()] },
      });
    }
    inputs.check(name, agent.inputSchema, input);
    return agent;
  };

  return {
    async accepting(name, input) {
      try {
        return check(name, input);
      } catch (error) {
        // Another orchestrator may have met the agent, or its next version, since.
        if (asAppError(error).code === 'INTERNAL') throw error;
        const refusedAt = performance.now();
        while (isOlderThan(refusedAt)) {
          await delay(Math.max(0, asOf + MISS_REFRESH_MS - performance.now()));
          await refresh();
        }
        return check(name, input);
      }
    },
    known: (name) => byName.get(name),
    names: () => [...byName.keys()],
    all: () => listAgents(pool).catch(storeUnavailable),
    async remember(agent) {
      if (!isAgentName(agent.name)) {
        throw new AppError('REQUEST_INVALID', `"${agent.name}" is no agent's name: lower-case letters, digits and "-"`);
      }
      inputs.compile(agent.inputSchema);
      await rememberAgent(pool, agent).catch(storeUnavailable);
      await load();
    },
    refresh,
  };
}
