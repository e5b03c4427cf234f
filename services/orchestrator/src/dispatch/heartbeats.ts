/**
 * Renews leases in batches: what all workers said in the last moment becomes one statement per 1,000 claims. While Postgres is away or
 * slow a renewal waits to be tried again, until it is as old as the lease it asks for; a statement that hangs does not hold up
 * the next one.
 */
import { performance } from 'node:perf_hooks';
import { renewLeases, type Claim, type Renewal, type RenewedLease } from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';

export type Beat = {
  readonly renewals: readonly Renewal[];
  /** Told of one that is no longer the worker's. */
  readonly onLost: (lost: Claim) => void;
  /** Told, at each beat, of one that was asked to stop. */
  readonly onCancelled: (claim: Claim, cancel: NonNullable<RenewedLease['cancel']>) => void;
};

export type Heartbeats = {
  /** The newest beat of a claim takes the place of one that still waits: there are never more than claims are held. */
  beat(beat: Beat): void;
  /** What waits is written now, and not gathered with more. */
  flush(): void;
  close(): Promise<void>;
};

export type HeartbeatsParts = {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Renewals could not be written. */
  readonly onAway: () => void;
};

const GATHER_MS = 100;
/** A lease row each: with the append lock held elsewhere a renewal of so many takes milliseconds. */
const CLAIMS_PER_STATEMENT = 1_000;
/** Of the pool's connections. */
const STATEMENTS_IN_FLIGHT = 3;
const RETRY_MS = 500;

type Waiting = Pick<Beat, 'onLost' | 'onCancelled'> & { readonly renewal: Renewal; readonly heardAt: number };

export function startHeartbeats({ pool, logger, onAway }: HeartbeatsParts): Heartbeats {
  const stop = new AbortController();
  const waker = createWaker();
  const waiting = new Map<string, Waiting>();
  const inFlight = new Set<Promise<void>>();
  let retryAt = -Infinity;

  const renew = async (batch: readonly Waiting[]) => {
    try {
      const held = await renewLeases(
        pool,
        batch.map(({ renewal }) => renewal),
      );
      const renewed = new Map(held.map((lease) => [keyOf(lease), lease]));
      for (const { renewal, onLost, onCancelled } of batch) {
        const lease = renewed.get(keyOf(renewal));
        if (lease === undefined) onLost(renewal);
        else if (lease.cancel !== null) onCancelled(lease, lease.cancel);
      }
    } catch (error) {
      logger.warn({ claims: batch.length, why: reason(error) }, 'leases not renewed');
      onAway();
      retryAt = performance.now() + RETRY_MS;
      for (const one of batch) {
        const key = keyOf(one.renewal);
        if (!waiting.has(key)) waiting.set(key, one);
      }
    }
  };

  /** A renewal that comes as late as this would only lengthen the life of a worker that may be dead. */
  const isStale = ({ renewal, heardAt }: Waiting) => performance.now() - heardAt >= renewal.leaseMs;

  const nextBatch = () => {
    const batch: Waiting[] = [];
    for (const [key, one] of waiting) {
      if (batch.length === CLAIMS_PER_STATEMENT) break;
      waiting.delete(key);
      if (!isStale(one)) batch.push(one);
    }
    return batch;
  };

  const send = () => {
    while (waiting.size > 0 && inFlight.size < STATEMENTS_IN_FLIGHT && performance.now() >= retryAt) {
      const batch = nextBatch();
      if (batch.length === 0) return;
      const renewing = renew(batch).finally(() => inFlight.delete(renewing));
      inFlight.add(renewing);
    }
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await waker.sleep(GATHER_MS, stop.signal);
      send();
    }
    // What streams left behind that were ended with this process.
    send();
    await Promise.all(inFlight);
  };
  const running = run();

  return {
    beat({ renewals, onLost, onCancelled }) {
      const heardAt = performance.now();
      for (const renewal of renewals) waiting.set(keyOf(renewal), { renewal, heardAt, onLost, onCancelled });
    },
    flush: waker.wake,
    async close() {
      stop.abort();
      await running;
    },
  };
}

function keyOf(claim: Claim): string {
  return `${claim.taskId}/${claim.fence}`;
}
