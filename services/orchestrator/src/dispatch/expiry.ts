/**
 * Ends attempts whose lease has run out. Whether it has is decided by Postgres, under the append lock, against the lease as it is
 * then. After Postgres was away nothing is expired for one lease: its workers could not renew.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@morningai/core/backoff';
import { DEFAULTS } from '@morningai/core/limits';
import { expiredAttempts, sweepLeases, type ExpiredAttempt } from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import type { TaskWriter } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';

const EVERY_MS = 1_000;
const PAGE = 200;
/** Leases of attempts that have ended are forgotten now and then. */
const SWEEP_MS = 60_000;
const SWEEP_PAGE = 1_000;
const REFRESH_MS = 5_000;
const EXPIRE_BYTES = 200;
const EXPIRE_DEADLINE_MS = 5_000;

export type ExpiryParts = {
  readonly pool: Pool;
  readonly writer: TaskWriter;
  readonly catalog: AgentCatalog;
  readonly logger: Logger;
};

/** Runs until the signal aborts. */
export async function runExpiry(parts: ExpiryParts, signal: AbortSignal): Promise<void> {
  const { pool, catalog, logger } = parts;
  let graceUntil = performance.now() + DEFAULTS.leaseMs;
  let sweptAt = performance.now();
  let refreshedAt = performance.now();
  while (!signal.aborted) {
    try {
      // Also of agents that only another orchestrator has met.
      if (performance.now() - refreshedAt > REFRESH_MS) {
        await catalog.refresh();
        refreshedAt = performance.now();
      }
      const agents = catalog.names();
      const expired = agents.length === 0 ? [] : await expiredAttempts(pool, { agents, limit: PAGE });
      if (performance.now() >= graceUntil) {
        // One that cannot be written must not hold up the others; it is found again.
        const results = await Promise.allSettled(expired.map((attempt) => expire(parts, attempt)));
        const failed = results.find((result) => result.status === 'rejected');
        if (failed !== undefined) logger.warn({ why: reason(failed.reason) }, 'attempt not expired');
      }
      if (performance.now() - sweptAt > SWEEP_MS) {
        await sweepLeases(pool, SWEEP_PAGE);
        sweptAt = performance.now();
      }
    } catch (error) {
      graceUntil = performance.now() + DEFAULTS.leaseMs;
      logger.warn({ why: reason(error) }, 'leases not checked');
    }
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function expire(parts: ExpiryParts, attempt: ExpiredAttempt): Promise<void> {
  const { writer, catalog, logger } = parts;
  const { taskId, fence, failures } = attempt;
  const agent = catalog.known(attempt.agent);
  const policy = {
    baseMs: agent?.retryBaseMs ?? DEFAULTS.retryBaseMs,
    capMs: agent?.retryCapMs ?? DEFAULTS.retryCapMs,
  };
  const written = await writer.write({
    taskId,
    tenant: '',
    command: { type: 'Expire', fence, retryInMs: backoffMs(failures, policy, Math.random()) },
    limits: [],
    urgency: 'outcome',
    bytes: EXPIRE_BYTES,
    deadlineAt: performance.now() + EXPIRE_DEADLINE_MS,
  });
  if (written.events.length > 0) logger.warn({ traceId: taskId, taskId, fence }, 'attempt expired');
}
