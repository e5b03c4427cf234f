/**
 * Who of the orchestrators gives out tickets: whoever holds a lease in Postgres. The term rises with every change, so what an old leader that
 * was frozen still writes into Redis is refused there. Work does not depend on it: without a leader the log lane goes on.
 */
import { performance } from 'node:perf_hooks';
import type { Pool } from '@morningai/log/pool';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { createLeaderLease } from '../domain/leader-lease.ts';
import { holdLeadership, resignLeadership } from '../store/leader.ts';

/** A leader that died or froze is replaced within this and one renewal. */
const LEASE_MS = 1_500;
const RENEW_MS = 400;

export type Leadership = {
  /** Null: this one does not lead, or cannot know whether it still does. */
  readonly term: number | null;
  /** Somebody wrote this term who does not lead (a restored Postgres, a foreign Redis): ours must be above it. */
  raiseAbove(term: number): void;
  close(): Promise<void>;
};

export function startLeadership(parts: {
  readonly pool: Pool;
  readonly orchestratorId: string;
  readonly logger: Logger;
}): Leadership {
  const { pool, orchestratorId: holder, logger } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  const lease = createLeaderLease(LEASE_MS);

  const renew = async () => {
    const askedAt = performance.now();
    const term = await holdLeadership(pool, { holder, leaseMs: LEASE_MS, above: lease.above });
    const changed = lease.answered(term, askedAt);
    if (changed !== null) logger.info({ term, was: changed.was }, term === null ? 'follower' : 'leader');
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await renew().catch((error: unknown) => logger.debug({ why: reason(error) }, 'leadership not renewed'));
      await waker.sleep(RENEW_MS, stop.signal);
    }
  };
  const running = run();

  return {
    get term() {
      return lease.termAt(performance.now());
    },
    raiseAbove(term) {
      lease.raiseAbove(term);
      waker.wake();
    },
    async close() {
      stop.abort();
      await running;
      const leads = lease.termAt(performance.now()) !== null;
      lease.answered(null, performance.now());
      if (leads) await resignLeadership(pool, holder).catch(() => undefined);
    },
  };
}
