/**
 * Whether this process leads, and how long it may believe so: never longer than Postgres does, so no two processes lead at one moment. Pure;
 * times are of one monotonic clock, ms.
 */
export type LeaderLease = {
  /** Null: this one does not lead, or cannot know whether it still does. */
  termAt(now: number): number | null;
  /** The next term must be above this one. */
  readonly above: number;
  raiseAbove(term: number): void;
  /**
   * Postgres said who leads.
   * @param term null: another one
   * @param askedAt from before the question: Postgres counts from later
   * @returns the term before, if it was another
   */
  answered(term: number | null, askedAt: number): { readonly was: number | null } | null;
};

export function createLeaderLease(leaseMs: number): LeaderLease {
  let held: { readonly term: number; readonly until: number } | null = null;
  let above = 0;

  return {
    termAt: (now) => (held !== null && now < held.until ? held.term : null),
    get above() {
      return above;
    },
    raiseAbove(term) {
      above = Math.max(above, term);
    },
    answered(term, askedAt) {
      const was = held?.term ?? null;
      held = term === null ? null : { term, until: askedAt + leaseMs };
      return was === term ? null : { was };
    },
  };
}
