/**
 * The lane that needs no Redis: due tasks are picked straight from Postgres for the slots that are free here. It works by itself while the
 * queue lane is closed, and beside it whenever a slot is free and a task has been due for a while: whatever tickets come, they may be those of
 * others.
 */
import { performance } from 'node:perf_hooks';
import { dueTasks } from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker, type Waker } from '@morningai/service/waker';
import type { HeldBack } from '../domain/held-back.ts';
import { pickOf, pickSize, PICK_MIN } from '../domain/log-pick.ts';
import type { Claims } from './claims.ts';

const POLL_MS = 100;
/** While the queue lane is open: how long a due task waits for its ticket; with one look, at most a second. */
const PATIENCE_MS = 750;
/** While the queue lane is open nobody looks more often. */
const LOOK_MS = 250;

export type LogLane = {
  /** A task of this agent became due, or the queue lane closed. */
  wake(agent: string): void;
  wakeAll(): void;
  /** True if the last pick found nothing more to do. */
  isDrained(agent: string): boolean;
  /** Starts to serve this agent; asked again, it changes nothing. */
  serve(agent: string): void;
  close(): Promise<void>;
};

export type LogLaneParts = {
  readonly pool: Pool;
  readonly claims: Pick<Claims, 'isTaking' | 'taking'>;
  /** Resolves when each has found a slot, or was left to others. */
  readonly take: (agent: string, taskIds: readonly string[]) => Promise<void>;
  readonly heldBack: HeldBack;
  readonly untilFree: (agent: string, signal: AbortSignal) => Promise<void>;
  readonly free: (agent: string) => number;
  /** When a ticket of this agent last came, on the monotonic clock, ms; null: the queue lane is closed. */
  readonly ticketAt: (agent: string) => number | null;
  /** Which of the living orchestrators this is: each begins at another place. */
  readonly rank: () => number;
  readonly logger: Logger;
};

export function startLogLane(parts: LogLaneParts): LogLane {
  const { pool, claims, heldBack, logger } = parts;
  const stop = new AbortController();
  const wakers = new Map<string, Waker>();
  const drained = new Set<string>();
  /** Agent → the tenant behind which to look next: one query looks at some of them. */
  const walkedTo = new Map<string, string>();
  const serving: Promise<void>[] = [];

  /** @returns how many were picked */
  const pick = async (agent: string, { dueForMs = 0, atLeast = PICK_MIN } = {}) => {
    const facts = { free: parts.free(agent), atLeast, taking: claims.taking(agent), heldBack: heldBack.size };
    const { wanted, limit, offset } = pickSize({ ...facts, rank: parts.rank() });
    const exceptTenants = heldBack.tenants(agent);
    const afterTenant = walkedTo.get(agent) ?? '';
    const wants = { agent, limit, dueForMs, exceptTenants, afterTenant };
    let page = await dueTasks(pool, { ...wants, offset });
    // Behind a short queue there is no other place to begin at.
    if (page.tasks.length === 0 && offset > 0) page = await dueTasks(pool, wants);
    if (page.walkedTo === null) walkedTo.delete(agent);
    else walkedTo.set(agent, page.walkedTo);
    const { picked, isAll } = pickOf(page.tasks, wanted, {
      isTaking: claims.isTaking,
      isHeld: heldBack.isHeld,
      mayOffer: (tenant) => heldBack.mayOffer(agent, tenant),
    });
    if (isAll && afterTenant === '' && page.walkedTo === null) drained.add(agent);
    else drained.delete(agent);
    if (picked.length > 0) await parts.take(agent, picked);
    return picked.length;
  };

  const turn = async (agent: string, waker: Waker) => {
    await parts.untilFree(agent, stop.signal);
    const ticketAt = parts.ticketAt(agent);
    if (ticketAt === null) {
      if ((await pick(agent)) === 0) await waker.sleep(POLL_MS, stop.signal);
      return;
    }
    drained.delete(agent);
    // While tickets come, most of what waits has one: no more is picked than there are slots.
    const atLeast = performance.now() - ticketAt >= PATIENCE_MS ? PICK_MIN : 1;
    await pick(agent, { dueForMs: PATIENCE_MS, atLeast });
    await waker.sleep(LOOK_MS, stop.signal);
  };

  const run = async (agent: string, waker: Waker) => {
    while (!stop.signal.aborted) {
      await turn(agent, waker).catch(async (error: unknown) => {
        logger.warn({ agent, why: reason(error) }, 'due tasks not picked');
        await waker.sleep(LOOK_MS, stop.signal);
      });
    }
  };

  return {
    wake: (agent) => wakers.get(agent)?.wake(),
    wakeAll: () => wakers.forEach((waker) => waker.wake()),
    isDrained: (agent) => drained.has(agent),
    serve(agent) {
      if (wakers.has(agent)) return;
      const waker = createWaker();
      wakers.set(agent, waker);
      serving.push(run(agent, waker));
    },
    async close() {
      stop.abort();
      await Promise.all(serving);
    },
  };
}
