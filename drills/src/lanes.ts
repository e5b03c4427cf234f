import { eventually } from '@morningai/testbed/eventually';
import type { Stage } from './drill.ts';

const LANE_MS = 30_000;

/** Waits until the orchestrator says so; violated if it never does. */
export async function untilLane({ stack, signal, violated, note }: Stage, lane: 'queue' | 'log'): Promise<void> {
  const startedAt = performance.now();
  try {
    const reached = async () => {
      const now = (await stack.queue()).lane;
      if (now !== lane) throw new Error(`the lane is ${now}, and should be ${lane}`);
    };
    await eventually(reached, { deadlineMs: LANE_MS, everyMs: 20, signal });
    note(`${lane} lane after ${Math.round(performance.now() - startedAt)} ms`);
  } catch (error) {
    signal.throwIfAborted();
    violated((error as Error).message);
  }
}
