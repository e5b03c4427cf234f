/** Bare BullMQ jobs that nobody takes: how long it takes to add them, and how much memory of Redis they are. */
import { infoField } from '@morningai/queue/redis-info';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { addJobs } from './add-jobs.ts';
import { nowMs, serveLoad } from './serve-load.ts';

export type AddRequest = { readonly jobs: number };
export type AddReply = { readonly addMs: number; readonly bytes: number };

serveLoad(({ url }: { url: string }) => {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  const usedMemory = async () => Number(infoField(await redis.info('memory'), 'used_memory'));

  return async ({ jobs }: AddRequest): Promise<AddReply> => {
    const queue = new Queue('bare', { connection: redis, prefix: 'bench-bullmq-add' });
    await queue.waitUntilReady();
    const before = await usedMemory();
    const startedAt = nowMs();
    await addJobs(queue, jobs);
    const addMs = nowMs() - startedAt;
    const bytes = (await usedMemory()) - before;
    await queue.obliterate();
    return { addMs, bytes };
  };
});
