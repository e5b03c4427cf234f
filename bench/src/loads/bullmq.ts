/** Bare BullMQ as one would use it for speed: bulk adds and one worker in one process, no-op jobs, nothing kept. */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { addJobs } from './add-jobs.ts';
import { nowMs, serveLoad } from './serve-load.ts';

export type BullmqRequest = { readonly jobs: number };
export type BullmqReply = { readonly startedAt: number; readonly addedAt: number; readonly endedAt: number };

const CONCURRENCY = 200;

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
    await addJobs(queue, jobs);
    const addedAt = nowMs();
    await done;
    const endedAt = nowMs();
    if (completed !== jobs) throw new Error(`${completed} of ${jobs} jobs ran`);
    return { startedAt, addedAt, endedAt };
  };
});
