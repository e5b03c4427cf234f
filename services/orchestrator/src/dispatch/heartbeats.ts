/** Renews leases in batches: what all workers said in the last moment becomes one statement. */
import { renewLeases, type RenewedLease } from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';

export type HeldClaim = { readonly taskId: string; readonly fence: number };
export type Beat = {
  readonly claims: readonly HeldClaim[];
  readonly leaseMs: number;
  /** Told which of them are no longer the worker's. */
  readonly onLost: (lost: readonly HeldClaim[]) => void;
  /** Told which of them were asked to stop, at every beat. */
  readonly onCancelled: (claim: HeldClaim, cancel: NonNullable<RenewedLease['cancel']>) => void;
};

export type Heartbeats = { beat(beat: Beat): void; close(): Promise<void> };

const GATHER_MS = 100;
/** A lease row each: with the append lock held elsewhere a renewal of so many takes milliseconds. */
const CLAIMS_PER_STATEMENT = 1_000;
/** Beats that wait while Postgres is away; older ones are worthless then. */
const BEATS_MAX = 10_000;

export function startHeartbeats(pool: Pool, logger: Logger): Heartbeats {
  const stop = new AbortController();
  const waker = createWaker();
  let beats: Beat[] = [];

  const renew = async (leaseMs: number, batch: readonly Beat[]) => {
    const claims = batch.flatMap((beat) => beat.claims);
    const renewed = new Map<string, RenewedLease>();
    for (let from = 0; from < claims.length; from += CLAIMS_PER_STATEMENT) {
      const held = await renewLeases(pool, claims.slice(from, from + CLAIMS_PER_STATEMENT), leaseMs);
      for (const claim of held) renewed.set(keyOf(claim), claim);
    }
    for (const beat of batch) {
      const lost = beat.claims.filter((claim) => !renewed.has(keyOf(claim)));
      if (lost.length > 0) beat.onLost(lost);
      for (const claim of beat.claims) {
        const cancel = renewed.get(keyOf(claim))?.cancel ?? null;
        if (cancel !== null) beat.onCancelled(claim, cancel);
      }
    }
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await waker.sleep(GATHER_MS, stop.signal);
      const batch = beats;
      beats = [];
      for (const [leaseMs, same] of Map.groupBy(batch, (beat) => beat.leaseMs)) {
        await renew(leaseMs, same).catch((error: unknown) => logger.warn({ why: reason(error) }, 'leases not renewed'));
      }
    }
  };
  const running = run();

  return {
    beat(beat) {
      if (beat.claims.length === 0) return;
      if (beats.length >= BEATS_MAX) beats.shift();
      beats.push(beat);
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}

function keyOf(claim: HeldClaim): string {
  return `${claim.taskId}/${claim.fence}`;
}
