/**
 * Puts tickets into Redis. Nothing here retries: who offers must offer again what stays unclaimed. An id is never used twice, for BullMQ
 * would silently keep the older job.
 */
import { randomBytes } from 'node:crypto';
import { Queue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { queueName } from './queue-names.ts';

/** Tasks named by one ticket. One per task costs the orchestrator three times as much as fifty per ticket. */
export const TASKS_PER_TICKET = 50;
/** BullMQ keeps a stream of its own events per queue: we do not read it. */
const BULLMQ_EVENTS_KEPT = 100;

/** BullMQ job data: only ids. */
export type Ticket = { readonly tasks: readonly string[] };

/** Tasks of one priority: 0 is the most urgent. `front`: before the others of it, for what was taken and did not fit. */
export type Offer = { readonly tasks: readonly string[]; readonly priority: number; readonly front?: boolean };

export type Offers = {
  /** @throws when Redis refuses or is away: some may have been stored */
  offer(epoch: number, agent: string, offers: readonly Offer[]): Promise<void>;
  close(): Promise<void>;
};

/** @param redis must be ready: a BullMQ queue that is built while Redis is down never recovers */
export function createOffers(redis: Redis, prefix: string, onError: (error: Error) => void): Offers {
  const queues = new Map<string, Queue<Ticket>>();
  const series = randomBytes(6).toString('hex');
  let issued = 0;
  let newest = 0;

  const closeAll = async (names: readonly string[]) => {
    await Promise.all(
      names.map(async (name) => {
        const queue = queues.get(name);
        queues.delete(name);
        await queue?.close().catch(onError);
      }),
    );
  };

  const queueOf = (epoch: number, agent: string) => {
    if (epoch > newest) {
      newest = epoch;
      void closeAll([...queues.keys()]);
    }
    const name = queueName(epoch, agent);
    const existing = queues.get(name);
    if (existing !== undefined) return existing;
    const queue = new Queue<Ticket>(name, {
      connection: redis,
      prefix,
      skipWaitingForReady: true,
      streams: { events: { maxLen: BULLMQ_EVENTS_KEPT } },
    });
    queue.on('error', onError);
    queues.set(name, queue);
    return queue;
  };

  return {
    async offer(epoch, agent, offers) {
      const jobs = offers.map((offer) => ({
        name: 'due',
        data: { tasks: offer.tasks },
        opts: { jobId: `b-${series}-${(issued += 1)}`, ...placeOf(offer), ...ONCE },
      }));
      await queueOf(epoch, agent).addBulk(jobs);
    },
    close: () => closeAll([...queues.keys()]),
  };
}

// Retries belong to the log; what is done or failed is not kept.
const ONCE: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/**
 * BullMQ serves jobs without a priority first, in order; then the others, the lowest number first. Each of our priorities has two of its: what
 * did not fit goes before its like, and not before what is more urgent.
 */
function placeOf({ priority, front = false }: Offer): JobsOptions {
  if (priority === 0) return front ? { lifo: true } : {};
  return { priority: 2 * priority + (front ? 0 : 1) };
}

/** @param place as BullMQ has it */
export function priorityAt(place: Pick<JobsOptions, 'priority'>): number {
  return Math.floor((place.priority ?? 0) / 2);
}
