/** Bare BullMQ as one would use it for speed: bulk adds and one worker in one process, no-op jobs, nothing kept. */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { v7 as newId } from 'uuid';
import { nowMs, serveLoad } from './serve-load.ts';

export type BullmqRequest = { readonly jobs: number };
export type BullmqReply = { readonly startedAt: number; readonly addedAt: number; readonly endedAt: number };

const BATCH = 500;
const IN_FLIGHT = 4;
const CONCURRENCY = 200;
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

serveLoad(({ url }: { url: string }) => {
  const name = 'bare';
  const prefix = 'bench-bullmq';
  const queue = new Queue(name, { connection: new Redis(url, { maxRetriesPerRequest: 1 }), prefix });
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  let completed = 0;
  let target = Infinity;
  let reached: () => void = () => undefined;
  const worker = new Worker(
    name,
    async () => {
      completed += 1;
    },
    { connection, prefix, concurrency: CONCURRENCY },
  );
  // By event, not in the handler: a job counts when Redis has recorded its end.
  let ended = 0;
  worker.on('completed', () => {
    ended += 1;
    if (ended === target) reached();
  });

  return async ({ jobs }: BullmqRequest): Promise<BullmqReply> => {
    await worker.waitUntilReady();
    const done = new Promise<void>((resolve) => (reached = resolve));
    [completed, ended, target] = [0, 0, jobs];
    const startedAt = nowMs();
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
    const addedAt = nowMs();
    await done;
    const endedAt = nowMs();
    if (completed !== jobs) throw new Error(`${completed} of ${jobs} jobs ran`);
    return { startedAt, addedAt, endedAt };
  };
});
