/**
 * Callers that come while `run` is under way, or within `reuseMs` after it ended, share its result: a flood of requests
 * opens one connection per run, and nobody waits for two.
 */
export function share<T>(run: () => Promise<T>, reuseMs: number): () => Promise<T> {
  let latest: Promise<T> | undefined;
  let endedMs = 0;
  return () => {
    if (latest === undefined || performance.now() - endedMs >= reuseMs) {
      endedMs = Infinity;
      latest = run().finally(() => {
        endedMs = performance.now();
      });
    }
    return latest;
  };
}
