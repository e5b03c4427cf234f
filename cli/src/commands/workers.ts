import type { Command } from 'commander';
import { z } from 'zod';
import { readApi, targetOf } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';

const workerList = z.object({
  workers: z.array(
    z.looseObject({
      id: z.string(),
      agents: z.array(z.object({ name: z.string(), version: z.string() })),
      slots: z.number(),
      taken: z.number(),
      silent: z.boolean(),
      draining: z.boolean(),
      since: z.string().nullable(),
    }),
  ),
});

type Worker = z.infer<typeof workerList>['workers'][number];

export function addWorkers(program: Command, _done: Done): void {
  program
    .command('workers')
    .description('List the workers that are connected, and what each is doing')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { workers } = workerList.parse(await readApi(await targetOf(command), '/v1/workers'));
      if (options.json) return printJson({ workers });
      return console.log(table(['worker', 'agents', 'taken', 'slots', 'state', 'since'], workers.map(rowOf)));
    });
}

function rowOf(worker: Worker): string[] {
  const agents = worker.agents.map(({ name, version }) => `${name}@${version}`).join(' ');
  const state = worker.silent ? 'silent' : worker.draining ? 'draining' : 'ready';
  return [worker.id, agents, String(worker.taken), String(worker.slots), state, worker.since ?? ''];
}
