/**
 * Takes one agent's tickets, as many at once as there are slots for, and none while there is no slot to give. What a ticket names and finds
 * no slot goes back to the front of its priority. A connection that answers nothing is replaced: "connected" says nothing, so every wait has
 * a deadline.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { TASKS_PER_TICKET, type Offer } from './offers.ts';
import { openTicketSource, type OpenTicketSource, type TakenTicket, type TicketSource } from './ticket-source.ts';

/** How long Redis may block an empty fetch, seconds. */
const BLOCK_S = 2;
/** An empty fetch answers after BLOCK_S; one that says nothing for so long is stuck. */
const FETCH_MS = BLOCK_S * 1_000 + 2_000;
const FINISH_MS = 2_000;
/** One after the other, each would cost the time that Redis and a busy process take to answer, and slots would wait for it. */
const TICKETS_AT_ONCE = 10;
const REBUILD_PAUSE_MS = 250;

export type ConsumerOptions = {
  readonly url: string;
  readonly prefix: string;
  readonly epoch: number;
  readonly agent: string;
  /** Resolves once a slot is free. */
  readonly untilFree: (agent: string, signal: AbortSignal) => Promise<void>;
  /** Slots that are free now. */
  readonly free: (agent: string) => number;
  /** @returns what found no slot in time */
  readonly take: (agent: string, taskIds: readonly string[]) => Promise<readonly string[]>;
  readonly putBack: (agent: string, left: Pick<Offer, 'tasks' | 'priority'>) => Promise<void>;
  readonly onError: (error: Error) => void;
};

export type Consumer = {
  /** True while it waits for a ticket and has a slot to give: as far as it knows there is none. */
  readonly idle: boolean;
  /** When a ticket was last taken, on this process's monotonic clock, ms. */
  readonly ticketAt: number;
  close(): Promise<void>;
};

/** `left`: its tasks that found no slot in time. */
type Placed = { readonly ticket: TakenTicket; readonly left: readonly string[] };

export function startConsumer(options: ConsumerOptions, open: OpenTicketSource = openTicketSource): Consumer {
  const { agent, onError } = options;
  const stop = new AbortController();
  let idle = false;
  let ticketAt = -Infinity;

  const place = async (ticket: TakenTicket): Promise<Placed> => {
    return { ticket, left: await options.take(agent, ticket.tasks) };
  };

  /** For the slots that are free now; these calls go to Redis together. */
  const placeMore = (source: TicketSource) => {
    const wanted = Math.min(TICKETS_AT_ONCE - 1, Math.ceil(options.free(agent) / TASKS_PER_TICKET));
    return Array.from({ length: wanted }, async () => {
      const ticket = await within(FETCH_MS, source.next(false), stop.signal);
      return ticket === undefined ? null : place(ticket);
    });
  };

  /** What is left goes back also when Redis does not forget the ticket: that one is only a hint, and nobody takes it again. */
  const finish = async ({ ticket, left }: Placed) => {
    try {
      await within(FINISH_MS, ticket.finish(), stop.signal);
    } finally {
      if (left.length > 0) await options.putBack(agent, { tasks: left, priority: ticket.priority });
    }
  };

  /** Whatever becomes of one ticket, the others are finished. @throws what went wrong with any, once all are done */
  const consume = async (source: TicketSource) => {
    let finishing: Promise<unknown> = Promise.resolve();
    for (let empty = false; !stop.signal.aborted;) {
      await options.untilFree(agent, stop.signal);
      idle = empty;
      // Slots do not wait until Redis has forgotten the tickets before.
      const [fetched, finished] = await Promise.allSettled([
        within(FETCH_MS, source.next(true), stop.signal),
        finishing,
      ]);
      idle = false;
      const first = valueOf(fetched);
      empty = first === undefined;
      if (first !== undefined) {
        ticketAt = performance.now();
        // The first takes its slots at once, whatever becomes of the others.
        const placed = await Promise.allSettled([place(first), ...placeMore(source)]);
        const tickets = placed.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
        finishing = allDone(tickets.map(finish));
        finishing.catch(() => undefined);
        const failed = placed.some(({ status }) => status === 'rejected');
        // What goes back stands before what would be fetched next.
        if (failed || tickets.some(({ left }) => left.length > 0)) await finishing;
        placed.forEach(valueOf);
      }
      valueOf(finished);
    }
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      const source = open({ ...options, blockS: BLOCK_S });
      try {
        await consume(source);
      } catch (error) {
        if (!stop.signal.aborted) onError(error instanceof Error ? error : new Error(String(error)));
      } finally {
        idle = false;
        source.close();
      }
      await delay(REBUILD_PAUSE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    get idle() {
      return idle;
    },
    get ticketAt() {
      return ticketAt;
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}

/** @throws why there is none */
function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** Waits for all, also when one fails. @throws the first failure */
async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  (await Promise.allSettled(work)).forEach(valueOf);
}

/** @throws when nothing came in time, or at the signal */
function within<T>(ms: number, work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    const timer = setTimeout(() => reject(new Error(`redis said nothing for ${ms} ms`)), ms);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  });
}
