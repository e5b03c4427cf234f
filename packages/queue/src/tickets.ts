/**
 * Tickets: BullMQ jobs that say "these tasks are due". A hint, never the truth: a ticket may vanish, come twice or come late, and
 * the claim in the log decides. So nothing here retries a ticket; whoever offers them offers again what stays unclaimed.
 * While Redis is away `ready` is false and `offer` fails at once.
 */
import { randomBytes } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { blockingClient, commandClient } from './redis-clients.ts';

/** Tasks named by one ticket. One per task costs the orchestrator three times as much as fifty per ticket. */
export const TASKS_PER_TICKET = 50;
/** Tickets of one agent that a process holds at once. */
const TICKETS_IN_HAND = 8;
/** BullMQ keeps a stream of its own events per queue: we do not read it. */
const BULLMQ_EVENTS_KEPT = 100;

export type TicketHandler = (agent: string, taskIds: readonly string[]) => Promise<void>;

export type TicketsOptions = {
  readonly url: string;
  /** Keys of different logs in one Redis do not meet. */
  readonly prefix: string;
  /** Resolves when the ticket is used up: what it names was claimed, or turned out not to be due. */
  readonly handle: TicketHandler;
  /** Told when `ready` changes. */
  readonly onChange: (ready: boolean) => void;
  /** Told of errors that BullMQ and ioredis recover from by themselves. */
  readonly onError: (error: Error) => void;
};

export type Tickets = {
  readonly ready: boolean;
  /** One ticket per group. @throws when Redis refuses or is away: some may have been stored */
  offer(agent: string, groups: readonly (readonly string[])[]): Promise<void>;
  /** Starts to take this agent's tickets. */
  consume(agent: string): void;
  close(): Promise<void>;
};

type Ticket = { tasks: readonly string[] };

export function openTickets(options: TicketsOptions): Tickets {
  const { url, prefix } = options;
  const commands = commandClient(url);
  const queues = new Map<string, Queue<Ticket>>();
  const consumers = new Map<string, { worker: Worker<Ticket>; connection: Redis }>();
  const wanted = new Set<string>();
  const series = randomBytes(6).toString('hex');
  let issued = 0;
  let ready = false;

  const change = (now: boolean) => {
    if (ready === now) return;
    ready = now;
    // BullMQ objects that were built while Redis was down never recover: they are built on `ready`.
    if (ready) for (const agent of wanted) startConsumer(agent);
    options.onChange(ready);
  };
  commands.on('ready', () => change(true));
  commands.on('close', () => change(false));
  commands.on('error', options.onError);

  const queueOf = (agent: string) => {
    const existing = queues.get(agent);
    if (existing !== undefined) return existing;
    const queue = new Queue<Ticket>(queueName(agent), {
      connection: commands,
      prefix,
      skipWaitingForReady: true,
      streams: { events: { maxLen: BULLMQ_EVENTS_KEPT } },
    });
    queue.on('error', options.onError);
    queues.set(agent, queue);
    return queue;
  };

  const startConsumer = (agent: string) => {
    if (consumers.has(agent)) return;
    const connection = blockingClient(url);
    connection.on('error', options.onError);
    const worker = new Worker<Ticket>(queueName(agent), (job) => options.handle(agent, job.data.tasks), {
      connection,
      prefix,
      concurrency: TICKETS_IN_HAND,
    });
    worker.on('error', options.onError);
    consumers.set(agent, { worker, connection });
  };

  return {
    get ready() {
      return ready;
    },
    async offer(agent, groups) {
      const jobs = groups.map((tasks) => ({
        name: 'due',
        data: { tasks },
        // Retries belong to the log; an id that was kept would silently swallow the next ticket with it.
        opts: { jobId: `b-${series}-${(issued += 1)}`, attempts: 1, removeOnComplete: true, removeOnFail: true },
      }));
      await queueOf(agent).addBulk(jobs);
    },
    consume(agent) {
      wanted.add(agent);
      if (ready) startConsumer(agent);
    },
    async close() {
      commands.removeAllListeners('close');
      const closing = [...consumers.values()].map(async ({ worker, connection }) => {
        // Waiting would wait for Redis: tickets in hand are only hints.
        await worker.close(true).catch(options.onError);
        connection.disconnect();
      });
      await Promise.all(closing);
      await Promise.all([...queues.values()].map((queue) => queue.close().catch(options.onError)));
      commands.disconnect();
    },
  };
}

function queueName(agent: string): string {
  return `agent-${agent}`;
}
