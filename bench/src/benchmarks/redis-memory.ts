import type { Benchmark, BenchmarkOptions, Result } from '../benchmark.ts';
import { FULL_WINDOW_SLOTS, fillWindow } from '../full-window.ts';
import { startLoad } from '../load-process.ts';
import type { AddReply, AddRequest } from '../loads/bullmq-add.ts';
import { openMeasuredStack } from '../measured-stack.ts';

const MB = 1_000_000;

export const redisMemory: Benchmark = {
  name: 'redis-memory',
  about:
    'memory of Redis with many open tasks (--tasks), the window full, beside as many bare BullMQ jobs as have a ticket',
  tasks: 100_000,
  slots: FULL_WINDOW_SLOTS,
  run: measure,
};

/** Measured once: nothing moves. */
async function measure(options: BenchmarkOptions): Promise<Result> {
  const { progress, tasks, slots } = options;
  await using stack = await openMeasuredStack(options);
  const { redis } = stack;
  using bullmq = startLoad<AddRequest, AddReply>('bullmq-add', { url: stack.urls.redisUrl });
  const empty = await redis.usedMemory();
  const ticketed = await fillWindow(stack, options);
  const full = await redis.usedMemory();
  progress(
    `${ticketed} tasks have a ticket: used_memory ${(full / MB).toFixed(1)} MB, before ${(empty / MB).toFixed(1)} MB`,
  );
  const { bytes } = await bullmq.ask({ jobs: ticketed });
  progress(`verifying the ledger of ${tasks + slots} open tasks`);
  const problems = await stack.ledgerProblems(tasks + slots);
  const count = (value: number) => value.toLocaleString('en');
  const table = {
    head: ['', 'used_memory, MB', 'of it more than before, MB'],
    rows: [
      ['before the first task', (empty / MB).toFixed(1), '–'],
      [
        `${count(tasks)} due and ${count(slots)} running tasks, ${count(ticketed)} with a ticket`,
        `**${(full / MB).toFixed(1)}**`,
        ((full - empty) / MB).toFixed(1),
      ],
      [`bare BullMQ: ${count(ticketed)} jobs`, '–', (bytes / MB).toFixed(1)],
    ],
  };
  const raw = { empty, full, ticketed, bullmqBytes: bytes };
  return { name: 'redis-memory', versions: stack.versions, tables: [table], raw, problems };
}
