/**
 * Exponential backoff with full jitter: a uniform share of min(cap, base · 2^failures). Source: AWS Architecture Blog,
 * "Exponential Backoff And Jitter" (2015).
 * @param random uniform in [0, 1), drawn by the caller
 * @returns milliseconds
 */
export function backoffMs(failures: number, policy: { baseMs: number; capMs: number }, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures, 30));
  return Math.round(random * ceiling);
}
