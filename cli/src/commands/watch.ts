import type { Command } from 'commander';
import { clientOf, interruptSignal } from '../connect.ts';
import type { Done } from '../program.ts';
import { timeline } from './events.ts';

export function addWatch(program: Command, done: Done): void {
  program
    .command('watch')
    .description('Follow a task until its outcome; exit code 1 if it did not complete')
    .argument('<id>')
    .option('--json', 'one JSON event per line')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const client = await clientOf(command);
      for await (const event of client.watch(id, { signal: interruptSignal() })) {
        if (options.json) console.log(JSON.stringify(event));
        else console.log(timeline([event]).split('\n').at(-1)?.replace('+0 ms', event.recordedAt));
        // A task that was retried has an outcome in each life: the last one counts.
        if (event.type === 'TaskCompleted') done(0);
        if (event.type === 'TaskFailed' || event.type === 'TaskCancelled') done(1);
      }
    });
}
