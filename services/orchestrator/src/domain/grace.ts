/**
 * After an outage nobody could renew: no lease is ended before its workers have had one full lease to renew it again. Pure; times
 * are of one monotonic clock, ms.
 */
export type Grace = {
  /** Renewals could not be written until now: Postgres was away, or this process was. */
  restart(now: number): void;
  /** True when an attempt with this lease may be ended. */
  isOver(leaseMs: number, now: number): boolean;
};

/** @param startedAt what was before it is not known: it counts as an outage */
export function createGrace(startedAt: number): Grace {
  let backAt = startedAt;
  return {
    restart(now) {
      backAt = Math.max(backAt, now);
    },
    isOver: (leaseMs, now) => now >= backAt + leaseMs,
  };
}
