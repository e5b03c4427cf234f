import type { Command } from 'commander';
import { z } from 'zod';
import { targetOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';
import { AppError } from '@morningai/core/errors';

const agentList = z.object({
  agents: z.array(
    z.looseObject({ name: z.string(), version: z.string(), connectedWorkers: z.number(), freeSlots: z.number() }),
  ),
});
const TIMEOUT_MS = 10_000;

export function addAgents(program: Command, _done: Done): void {
  program
    .command('agents')
    .description('List the agents that workers have offered')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { ingestUrl, apiKey } = await targetOf(command);
      const response = await fetch(`${ingestUrl}/v1/agents`, {
        headers: { authorization: `Bearer ${apiKey}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok)
        throw new AppError('ORCHESTRATOR_UNAVAILABLE', `the API answered ${response.status}: ${await response.text()}`);
      const { agents } = agentList.parse(await response.json());
      if (options.json) return printJson({ agents });
      const rows = agents.map((agent) => [
        agent.name,
        agent.version,
        String(agent.connectedWorkers),
        String(agent.freeSlots),
      ]);
      return console.log(table(['agent', 'version', 'workers', 'free slots'], rows));
    });
}
