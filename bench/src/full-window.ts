/** As much in Redis as there will ever be: every slot holds a task that waits, and the window of tickets is full. Nothing moves. */
import type { BenchmarkOptions } from './benchmark.ts';
import type { MeasuredStack } from './measured-stack.ts';
import { WAITING } from './waiting-task.ts';

/** With so many, the window holds all that it ever may. */
export const FULL_WINDOW_SLOTS = 5_000;

/** Submits what fills the slots, and `tasks` that are due behind them. @returns how many tasks have a ticket then */
export async function fillWindow(
  stack: MeasuredStack,
  { tasks, slots, signal, progress }: BenchmarkOptions,
): Promise<number> {
  await stack.watch.untilLane('queue', signal);
  progress(`${slots} tasks that hold their slots, and ${tasks} that are due behind them`);
  await stack.submit({ ...WAITING, tasks: slots + tasks });
  await stack.watch.untilPublished(signal);
  await stack.redis.untilStill(signal);
  return (await stack.redis.tickets()).size;
}
