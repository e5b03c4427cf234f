/**
 * Whether tickets flow, and in which epoch. At every tick the leader raises the marker's beat; a Redis that forgot anything, however it came to,
 * cannot answer with the beat that was written last, and gets the next epoch: an event in the log, a new queue, a new fill. A wiped Redis
 * is an ordinary tick. Followers read the marker. Whatever goes wrong here closes the lane until a tick goes well: the tick is its breaker.
 *
 * When it dies between the event and the marker, the next leader begins another epoch: numbers may be skipped, never used twice.
 */
import { performance } from 'node:perf_hooks';
import type { Pool } from '@morningai/log/pool';
import type { TicketQueue } from '@morningai/queue/ticket-queue';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { createLaneState, type Beginning, type Meaning } from '../domain/lane-state.ts';
import { startEpoch } from '../store/start-epoch.ts';
import type { Leadership } from './leadership.ts';

const TICK_MS = 250;
const POLICY_EVERY_MS = 5_000;
const POLICY_NEEDED = 'noeviction';

export type QueueLane = {
  /** Null: the lane is closed, `why` says for what reason. */
  readonly epoch: number | null;
  readonly why: string;
  /** The term in which this process gives out the tickets of this epoch; null: another one does. */
  readonly term: number | null;
  /** Redis came or went: do not wait for the next tick. */
  wake(): void;
  /** A call to Redis failed: closed until a tick goes well. */
  suspect(error: unknown): void;
  /** Has everything given out anew, whoever leads: the marker goes, and so the next beat begins an epoch. */
  renew(): Promise<void>;
  /** The queue is another Redis now: closed until an epoch is open there. What the one before still answers is not listened to. */
  moved(): void;
  close(): Promise<void>;
};

export type QueueLaneParts = {
  readonly pool: Pool;
  readonly queue: TicketQueue;
  /** Where the queue is, as anybody may read it. */
  readonly place: () => string;
  readonly leadership: Leadership;
  readonly logger: Logger;
  /** Told when the epoch, or whether this process leads it, has changed. */
  readonly onChange: () => void;
};

type Open = { readonly epoch: number; readonly term: number | null };

export function startQueueLane(parts: QueueLaneParts): QueueLane {
  const { pool, queue, place, leadership, logger, onChange } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  const state = createLaneState();
  let open: Open | null = null;
  let why = 'redis was not reached yet';
  let policyAt = -Infinity;
  let policyProblem: string | null = null;
  /** Rises with every move: what was asked in an earlier stay is of another Redis. */
  let stay = 0;
  let moving = Promise.withResolvers<void>();

  const become = (next: Open | null, reasonClosed = '') => {
    const changed = open?.epoch !== next?.epoch || open?.term !== next?.term;
    const closes = open !== null && next === null;
    if (closes || (changed && next === null && why !== reasonClosed)) {
      logger.warn({ lane: 'log', why: reasonClosed }, 'the queue lane is closed');
    } else if (changed && next !== null) {
      logger.info({ lane: 'queue', epoch: next.epoch, term: next.term }, 'the queue lane is open');
    }
    open = next;
    why = reasonClosed;
    if (changed) onChange();
  };

  const checkPolicy = async () => {
    if (performance.now() - policyAt < POLICY_EVERY_MS) return policyProblem;
    const asked = stay;
    const policy = await queue.memoryPolicy();
    if (asked !== stay) return null;
    policyAt = performance.now();
    const problem =
      policy === POLICY_NEEDED
        ? null
        : `redis has maxmemory-policy ${policy} and may erase tickets without a word: set ${POLICY_NEEDED}`;
    if (problem !== null && problem !== policyProblem) logger.error({ policy }, problem);
    policyProblem = problem;
    return policyProblem;
  };

  const begin = async ({ term, cause }: Beginning) => {
    const asked = stay;
    const epoch = await startEpoch(pool, { term, cause, redis: place() });
    if (asked !== stay) return;
    const planted = await queue.marker.plant(term, epoch);
    if (asked !== stay) return;
    if (planted.kind === 'ok') logger.info({ epoch, term, cause }, 'epoch started');
    await act(state.planted(planted));
    if (planted.kind === 'ok') await queue.dropEpochsBefore(epoch);
  };

  const act = async (meaning: Meaning) => {
    switch (meaning.kind) {
      case 'open':
        return become({ epoch: meaning.epoch, term: meaning.term });
      case 'closed':
        return become(null, meaning.why);
      case 'forgot':
        return begin(meaning);
      case 'overruled':
        become(null, meaning.why);
        return leadership.raiseAbove(meaning.above);
      default:
        return meaning satisfies never;
    }
  };

  const tick = async () => {
    const asked = stay;
    const { connected } = queue;
    if (!connected) policyAt = -Infinity;
    const problem = connected ? await checkPolicy() : null;
    if (asked !== stay) return undefined;
    const question = state.next({ connected, problem, term: leadership.term });
    switch (question.ask) {
      case 'nothing':
        return become(null, question.why);
      case 'epoch':
        return begin(question);
      case 'beat': {
        const beaten = await queue.marker.beat(question.last);
        return asked === stay ? act(state.beaten(beaten)) : undefined;
      }
      case 'read': {
        const found = await queue.marker.read();
        return asked === stay ? act(state.found(found, performance.now())) : undefined;
      }
      default:
        return question satisfies never;
    }
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      const asked = stay;
      const ticked = tick().catch((error: unknown) => {
        if (!stop.signal.aborted && asked === stay) become(null, reason(error));
      });
      // A Redis that is left says nothing for as long as a command may take.
      await Promise.race([ticked, moving.promise]);
      await waker.sleep(TICK_MS, stop.signal);
    }
  };
  const running = run();

  return {
    get epoch() {
      return open?.epoch ?? null;
    },
    get why() {
      return why;
    },
    get term() {
      return open?.term !== null && open?.term === leadership.term ? leadership.term : null;
    },
    wake: waker.wake,
    suspect(error) {
      become(null, reason(error));
      waker.wake();
    },
    async renew() {
      await queue.marker.erase();
      waker.wake();
    },
    moved() {
      stay += 1;
      moving.resolve();
      moving = Promise.withResolvers();
      policyAt = -Infinity;
      policyProblem = null;
      state.moved();
      become(null, 'the queue was moved: no epoch is open there yet');
      waker.wake();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
