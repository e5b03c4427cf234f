import type { Duration } from '@morningai/rpc/duration';

/** Undefined for an unset one. */
export function milliseconds(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Math.max(0, Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1e6));
}

export function durationOf(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: Math.round((ms % 1_000) * 1e6) };
}
