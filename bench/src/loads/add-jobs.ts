import type { Queue } from 'bullmq';
import { v7 as newId } from 'uuid';

const BATCH = 500;
const IN_FLIGHT = 4;
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

/** Adds no-op jobs to a bare BullMQ queue as one would for speed: in bulk, a few calls in flight, nothing kept. */
export async function addJobs(queue: Queue, jobs: number): Promise<void> {
  let left = jobs;
  const lane = async () => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      await queue.addBulk(
        Array.from({ length: size }, () => ({ name: 'noop', data: { id: newId(), n: 1 }, opts: OPTIONS })),
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}
