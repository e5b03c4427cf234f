/**
 * Ends attempts whose lease has run out, and those that take longer than they may and whose worker does not say so itself. Whether a
 * lease has run out is decided by Postgres, under the append lock, against the lease as it is then. After Postgres was away nothing is
 * ended for one lease: its workers could not renew, and results wait to be recorded.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@morningai/core/backoff';
import type { Command } from '@morningai/core/task';
import {
  expiredAttempts,
  overdueAttempts,
  sweepLeases,
  type ExpiredAttempt,
  type RunningAttempt,
} from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import { sweepCounters } from '@morningai/log/sweep-counters';
import type { TaskWriter } from '@morningai/log/task-writer';
import { reason, type Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';
import { retryPolicy } from '../domain/agent-record.ts';
import type { Grace } from '../domain/grace.ts';
import type { Roster } from '../domain/roster.ts';
import type { Pace } from './pace.ts';
import { tellFenced, type WorkSession } from './work-session.ts';

const PAGE = 500;
/** Leases of attempts that have ended, and counters that are 0, are forgotten now and then. */
const SWEEP_MS = 60_000;
const SWEEP_PAGE = 1_000;
const REFRESH_MS = 5_000;
const END_BYTES = 200;
/**
 * From the look to the decision, which must come before a lease that was renewed in between could have run out again: then the
 * decision, if the look is no longer true, finds that the lease holds. (Were it later, an attempt that was begun could be
 * released as if it never was, and its crash not be counted.)
 */
const END_WITHIN_MS = 3_000;

export type ExpiryParts = {
  readonly pool: Pool;
  readonly writer: TaskWriter;
  readonly catalog: AgentCatalog;
  readonly roster: Roster<WorkSession>;
  readonly grace: Grace;
  readonly pace: Pace;
  readonly logger: Logger;
};

/** Runs until the signal aborts. */
export async function runExpiry(parts: ExpiryParts, signal: AbortSignal): Promise<void> {
  const { pool, catalog, grace, pace, logger } = parts;
  let sweptAt = performance.now();
  let refreshedAt = performance.now();
  while (!signal.aborted) {
    const lookedAt = performance.now();
    try {
      // Also of agents that only another orchestrator has met.
      if (lookedAt - refreshedAt > REFRESH_MS) {
        await catalog.refresh();
        refreshedAt = performance.now();
      }
      await look(parts);
      if (performance.now() - sweptAt > SWEEP_MS) {
        await sweepLeases(pool, SWEEP_PAGE);
        await sweepCounters(pool, SWEEP_PAGE);
        sweptAt = performance.now();
      }
    } catch (error) {
      grace.restart(performance.now());
      logger.warn({ why: reason(error) }, 'leases not checked');
    }
    const restedAt = performance.now();
    await delay(pace.lookMs, undefined, { signal }).catch(() => undefined);
    // This process was frozen, and its workers' heartbeats with it.
    if (performance.now() - restedAt - pace.lookMs > pace.heartbeatMs) grace.restart(performance.now());
  }
}

async function look(parts: ExpiryParts): Promise<void> {
  const { pool, catalog, grace, pace } = parts;
  const leaseMsOf = (agent: string) => catalog.known(agent)?.leaseMs ?? pace.leaseMs;
  const askedAt = performance.now();
  const agents = catalog.names().filter((agent) => grace.isOver(leaseMsOf(agent), askedAt));
  // Asked also when it is about nobody: an outage in the middle of the grace begins it anew.
  const expired = await expiredAttempts(pool, { agents, limit: PAGE });
  const overdue = await overdueAttempts(pool, { agents, limit: PAGE, graceMs: pace.timeoutGraceMs });
  // Frozen and thawed again: it answers as if nothing had happened, but nobody could renew meanwhile.
  if (performance.now() - askedAt > pace.heartbeatMs) return grace.restart(performance.now());
  const deadlineAt = askedAt + END_WITHIN_MS;
  // One that cannot be written must not hold up the others; it is found again.
  await Promise.all([
    ...expired.map((attempt) => expire(parts, attempt, deadlineAt)),
    ...overdue.map((attempt) => timeOut(parts, attempt, deadlineAt)),
  ]);
}

async function expire(parts: ExpiryParts, attempt: ExpiredAttempt, deadlineAt: number): Promise<void> {
  const { fence, begun } = attempt;
  const events = await end(
    parts,
    attempt,
    { type: 'Expire', fence, retryInMs: retryInMs(parts, attempt), begun },
    deadlineAt,
  );
  const { taskId } = attempt;
  if (events > 0) parts.logger.warn({ traceId: taskId, taskId, fence, begun }, 'attempt expired');
}

async function timeOut(
  parts: ExpiryParts,
  attempt: RunningAttempt & { readonly timeoutMs: number },
  deadlineAt: number,
): Promise<void> {
  const { taskId, fence, timeoutMs } = attempt;
  const error = {
    code: 'ATTEMPT_TIMEOUT',
    message: `the attempt took over ${timeoutMs} ms, and its worker did not end it`,
  };
  const events = await end(
    parts,
    attempt,
    { type: 'Fail', fence, error, retryInMs: retryInMs(parts, attempt) },
    deadlineAt,
  );
  if (events === 0) return;
  parts.logger.warn({ traceId: taskId, taskId, fence }, 'attempt timed out');
  // A worker of another orchestrator is told when its lease is to be renewed.
  for (const session of parts.roster.members) tellFenced(session, attempt, error.message);
}

function retryInMs({ catalog }: ExpiryParts, { agent, failures }: RunningAttempt): number {
  return backoffMs(failures, retryPolicy(catalog.known(agent)), Math.random());
}

/** @returns how many events were recorded; 0: it had ended already, its lease holds, or it could not be written */
async function end(parts: ExpiryParts, attempt: RunningAttempt, command: Command, deadlineAt: number): Promise<number> {
  const { taskId, fence } = attempt;
  try {
    const written = await parts.writer.write({
      taskId,
      tenant: '',
      command,
      limits: [],
      urgency: 'outcome',
      bytes: END_BYTES,
      deadlineAt,
    });
    return written.events.length;
  } catch (error) {
    // FENCED: its worker was faster.
    parts.logger.debug({ traceId: taskId, fence, why: reason(error) }, 'attempt not ended');
    return 0;
  }
}
