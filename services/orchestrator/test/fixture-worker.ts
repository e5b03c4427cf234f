/** Run by worker-process.ts: each task's input says what it does. */
import process from 'node:process';
import { createWorker, defineAgent } from '@morningai/sdk';
import { z } from 'zod';
import type { Told, WorkerProcessOptions } from './worker-process.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerProcessOptions;
const waiting = new Map<string, () => void>();
process.on('message', (task: string) => waiting.get(task)?.());
process.on('disconnect', () => process.exit(0));

const tell = (told: Told) => void process.send?.(told);
const released = (task: string) => new Promise<void>((resolve) => waiting.set(task, resolve));

const agent = defineAgent({
  name: options.agent ?? 'drill',
  version: '1',
  input: z.string(),
  retry: { baseMs: 10, capMs: 20, maxCrashes: options.maxCrashes ?? 3 },
  ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
  async run(ctx, input) {
    const { id, attempt } = ctx.task;
    const say = (what: string) => tell({ what, task: id, attempt });
    ctx.signal.addEventListener('abort', () => say('aborted'));
    switch (input) {
      case 'exit':
        return process.exit(1);
      case 'abort':
        return process.abort();
      case 'spin':
        for (;;);
      case 'memory':
        for (const hoard: string[] = []; ;) hoard.push(`${hoard.length}`.repeat(1_000));
      case 'throw':
        throw new Error('it throws');
      case 'large':
        return 'x'.repeat(10 * 1024 * 1024);
      case 'wait':
        say('began');
        await released(id);
        return `by ${options.workerId}`;
      // A worker that is to be killed stops at this point of a step with an effect.
      case 'before effect':
      case 'after effect':
      case 'after record': {
        const stops = (here: string) => (options.stops && here === input ? stopped(say) : undefined);
        await ctx.step(
          'pay',
          async ({ key }) => {
            await stops('before effect');
            tell({ what: `effect ${key}`, task: id, attempt });
            await stops('after effect');
          },
          { effect: true },
        );
        await stops('after record');
        return 'paid';
      }
      default:
        return `by ${options.workerId}`;
    }
  },
});

function stopped(say: (what: string) => void): Promise<never> {
  say('stopped');
  return new Promise(() => undefined);
}

const worker = createWorker({
  address: options.address,
  apiKey: process.env['MORNINGAI_API_KEY'] ?? '',
  agents: [agent],
  slots: options.slots ?? 5,
  workerId: options.workerId,
});
await worker.ready;
tell({ what: 'ready', task: '', attempt: 0 });
