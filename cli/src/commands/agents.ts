import type { Command } from 'commander';
import { z } from 'zod';
import { readApi, targetOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

const agentList = z.object({
  agents: z.array(
    z.looseObject({ name: z.string(), version: z.string(), connectedWorkers: z.number(), freeSlots: z.number() }),
  ),
});

export function addAgents(program: Command, _done: Done): void {
  program
    .command('agents')
    .description('List the agents that workers have offered')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { agents } = agentList.parse(await readApi(await targetOf(command), '/v1/agents'));
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
