/**
 * Whether tickets flow, and in which epoch. At every tick the leader raises the marker's beat; a Redis that forgot anything, however it came to,
 * cannot answer with the beat that was written last, and gets the next epoch: an event in the log, a new queue, a new fill. A wiped Redis
 * is an ordinary tick. Followers read the marker. Whatever goes wrong here closes the lane until a tick goes well: the tick is its breaker.
 *
 * When it dies between the event and the marker, the next leader begins another epoch: numbers may be skipped, never used twice.
 */
import { performance } from 'node:perf_hooks';
import type { Pool } from '@morningai/log/pool';
import type { Mark } from '@morningai/queue/marker';
import type { TicketQueue } from '@morningai/queue/ticket-queue';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { startEpoch } from '../store/start-epoch.ts';
import type { Leadership } from './leadership.ts';

const TICK_MS = 250;
/** A follower that has not seen the beat rise for so long takes the lane to be closed. */
const BEAT_SILENT_MS = 2_000;
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
  close(): Promise<void>;
};

export type QueueLaneParts = {
  readonly pool: Pool;
  readonly queue: TicketQueue;
  readonly leadership: Leadership;
  readonly logger: Logger;
  /** Told when the epoch, or whether this process leads it, has changed. */
  readonly onChange: () => void;
};

type Open = { readonly epoch: number; readonly term: number | null };

export function startQueueLane(parts: QueueLaneParts): QueueLane {
  const { pool, queue, leadership, logger, onChange } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  let open: Open | null = null;
  let why = 'redis was not reached yet';
  /** As this process, leading, left it. */
  let mark: Mark | null = null;
  let seen: { readonly mark: Mark; readonly at: number } | null = null;
  let policyAt = -Infinity;
  let policyProblem: string | null = null;

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
    const policy = await queue.memoryPolicy();
    policyAt = performance.now();
    const problem =
      policy === POLICY_NEEDED
        ? null
        : `redis has maxmemory-policy ${policy} and may erase tickets without a word: set ${POLICY_NEEDED}`;
    if (problem !== null && problem !== policyProblem) logger.error({ policy }, problem);
    policyProblem = problem;
    return policyProblem;
  };

  const begin = async (term: number, cause: string) => {
    const epoch = await startEpoch(pool, { term, cause });
    const planted = await queue.marker.plant(term, epoch);
    if (planted.kind === 'superseded') return overruled(planted.mark.term);
    mark = { term, epoch, beat: 0 };
    logger.info({ epoch, term, cause }, 'epoch started');
    become({ epoch, term });
    await queue.dropEpochsBefore(epoch);
  };

  /** Postgres says that this one leads, Redis knows a higher term: Postgres is right, and ours must rise above. */
  const overruled = (term: number) => {
    mark = null;
    become(null, `redis has the marker of term ${term}, above ours`);
    leadership.raiseAbove(term);
  };

  const lead = async (term: number) => {
    seen = null;
    if (mark?.term !== term) return begin(term, 'a new leader');
    const beaten = await queue.marker.beat(mark);
    if (beaten.kind === 'forgot') return begin(term, 'redis forgot');
    if (beaten.kind === 'superseded') return overruled(beaten.mark.term);
    mark = beaten.mark;
    become({ epoch: mark.epoch, term });
  };

  const follow = async () => {
    mark = null;
    const found = await queue.marker.read();
    const now = performance.now();
    if (found === null) return become(null, 'redis has no marker');
    const rose = seen === null || found.epoch !== seen.mark.epoch || found.beat !== seen.mark.beat;
    if (rose) seen = { mark: found, at: now };
    if (now - (seen?.at ?? now) > BEAT_SILENT_MS) return become(null, 'the leader raises no beat');
    become({ epoch: found.epoch, term: null });
  };

  const tick = async () => {
    if (!queue.connected) {
      policyAt = -Infinity;
      return become(null, 'redis is away');
    }
    const problem = await checkPolicy();
    if (problem !== null) return become(null, problem);
    const { term } = leadership;
    await (term === null ? follow() : lead(term));
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await tick().catch((error: unknown) => {
        if (!stop.signal.aborted) become(null, reason(error));
      });
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
    async close() {
      stop.abort();
      await running;
    },
  };
}
