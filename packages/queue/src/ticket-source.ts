/** Where a consumer takes its tickets from: one connection, which lives until it breaks. */
import { Worker, type Job } from 'bullmq';
import { priorityAt, type Ticket } from './offers.ts';
import { queueName } from './queue-names.ts';
import { blockingClient } from './redis-clients.ts';

/** A ticket in hand is locked for so long. One whose holder died, or never heard that it has it, comes again after two looks. */
const LOCK_MS = 10_000;
const ABANDONED_LOOK_MS = 5_000;

export type TakenTicket = {
  readonly tasks: readonly string[];
  readonly priority: number;
  /** Redis forgets it. */
  finish(): Promise<unknown>;
};

export type TicketSource = {
  /** @param block waits for one, for at most `blockS`; else it is answered at once. @returns undefined: there is none */
  next(block: boolean): Promise<TakenTicket | undefined>;
  close(): void;
};

export type TicketSourceOptions = {
  readonly url: string;
  readonly prefix: string;
  readonly epoch: number;
  readonly agent: string;
  /** How long Redis may block an empty fetch, seconds. */
  readonly blockS: number;
  readonly onError: (error: Error) => void;
};

export type OpenTicketSource = (options: TicketSourceOptions) => TicketSource;

export const openTicketSource: OpenTicketSource = ({ url, prefix, epoch, agent, blockS, onError }) => {
  const closed = new AbortController();
  const connection = blockingClient(url, closed.signal);
  connection.on('error', onError);
  connection.on('sentinelError', onError);
  const worker = new Worker<Ticket>(queueName(epoch, agent), null, {
    connection,
    prefix,
    autorun: false,
    drainDelay: blockS,
    lockDuration: LOCK_MS,
    stalledInterval: ABANDONED_LOOK_MS,
  });
  worker.on('error', onError);
  // BullMQ does so by itself only where it also runs the jobs.
  worker.startStalledCheckTimer().catch(onError);
  const taken = (job: Job<Ticket>): TakenTicket => ({
    tasks: job.data.tasks,
    priority: priorityAt(job.opts),
    finish: () => job.moveToCompleted(null, worker.id, false),
  });
  return {
    async next(block) {
      const job = await (block ? worker.getNextJob(worker.id) : worker.getNextJob(worker.id, { block: false }));
      return job === undefined ? undefined : taken(job);
    },
    close() {
      closed.abort();
      // Waiting would wait for Redis: a ticket in hand is only a hint.
      void worker.close(true).catch(onError);
      connection.disconnect();
    },
  };
};
