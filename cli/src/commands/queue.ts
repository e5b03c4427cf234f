import type { Command } from 'commander';
import { z } from 'zod';
import { readApi, targetOf, type Target } from '../connect.ts';
import type { Done } from '../program.ts';
import { printJson, table } from '../table.ts';
import { addQueueMove } from './queue-move.ts';

const queueState = z.object({
  lane: z.enum(['queue', 'log']),
  why: z.string(),
  term: z.number().nullable(),
  epoch: z.number().nullable(),
  tickets: z.number().nullable(),
  redis: z.object({ place: z.string(), movedAt: z.string().nullable(), locked: z.boolean() }),
  agents: z.array(
    z.looseObject({
      agent: z.string(),
      due: z.number(),
      scheduled: z.number(),
      running: z.number(),
      freeSlots: z.number(),
      oldestDueAt: z.string().nullable(),
    }),
  ),
});

export type QueueState = z.infer<typeof queueState>;

export function addQueue(program: Command, done: Done): void {
  const command = program
    .command('queue')
    .enablePositionalOptions()
    .description('Show what waits, agent by agent, and how it reaches workers')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const queue = await readQueue(await targetOf(command));
      if (options.json) return printJson(queue);
      const { lane, why, term, epoch, tickets, redis } = queue;
      console.log(
        `lane ${lane}${why === '' ? '' : ` (${why})`}, term ${shown(term)}, epoch ${shown(epoch)}, tickets ${shown(tickets)}`,
      );
      console.log(redisLine(redis));
      const head = ['agent', 'due', 'scheduled', 'running', 'free slots', 'oldest due'];
      const rows = queue.agents.map((row) => [
        row.agent,
        String(row.due),
        String(row.scheduled),
        String(row.running),
        String(row.freeSlots),
        row.oldestDueAt ?? '',
      ]);
      return console.log(table(head, rows));
    });
  addQueueMove(command, done);
}

function redisLine({ place, movedAt, locked }: QueueState['redis']): string {
  if (movedAt === null) return `redis ${place}, as REDIS_URL says`;
  const line = `redis ${place}, moved there at ${movedAt}: REDIS_URL is not used until it says so, too, everywhere`;
  return locked ? `${line}\n  its password cannot be read (MORNINGAI_API_KEY was changed): move the queue again` : line;
}

/** @throws AppError ORCHESTRATOR_UNAVAILABLE */
export async function readQueue(target: Pick<Target, 'ingestUrl' | 'apiKey'>): Promise<QueueState> {
  return queueState.parse(await readApi(target, '/v1/queue'));
}

function shown(value: number | null): string {
  return value === null ? 'unknown' : String(value);
}
