/** Postgres' time as this process last saw it, first when it started. Only absolute times that callers give need it; everything else is a duration. */
import { performance } from 'node:perf_hooks';

export type PostgresClock = { observe(recordedAt: Date): void; nowMs(): number };

export function createPostgresClock(): PostgresClock {
  // Until Postgres was heard of, this host's own clock stands in: nobody is served yet.
  let offsetMs = Date.now() - performance.now();
  return {
    observe(recordedAt) {
      offsetMs = recordedAt.getTime() - performance.now();
    },
    nowMs: () => performance.now() + offsetMs,
  };
}
