/**
 * Everything that dispatches, wired to what it is given: a Postgres, a way to open ticket queues, the agents. The service runs it on real
 * servers, the simulation on its own: what is wired here is wired for both.
 */
import { performance } from 'node:perf_hooks';
import type { RunningLimits } from '@morningai/core/task-projection';
import type { Pool } from '@morningai/log/pool';
import { createTaskWriter } from '@morningai/log/task-writer';
import type { Logger } from '@morningai/service/logger';
import type { AgentCatalog } from './agent-catalog.ts';
import { createAssignmentCache } from './dispatch/assignment-cache.ts';
import { noticeWritten } from './dispatch/cancel-notices.ts';
import { createClaims } from './dispatch/claims.ts';
import { createDispatcher, type Dispatcher, type DispatcherParts } from './dispatch/dispatcher.ts';
import { runEnds } from './dispatch/ends.ts';
import { runEvidence } from './dispatch/evidence.ts';
import { runExpiry } from './dispatch/expiry.ts';
import { startHeartbeats } from './dispatch/heartbeats.ts';
import { startLeadership, type Leadership } from './dispatch/leadership.ts';
import type { Pace } from './dispatch/pace.ts';
import { runSilence } from './dispatch/silence.ts';
import type { WorkSession } from './dispatch/work-session.ts';
import { createGrace } from './domain/grace.ts';
import { createRoster } from './domain/roster.ts';
import { createPostgresClock } from './postgres-clock.ts';
import type { Parts } from './rpc/parts.ts';

/** With what the methods of the service need of it. */
export type Dispatch = Omit<Parts, 'publisher' | 'move' | 'maxOpenTasks' | 'onReplayed'> & {
  readonly leadership: Leadership;
  /**
   * From now on attempts that are over are ended, and silent workers are given nothing: the agents and the time must be known before.
   * Resolves after the signal.
   */
  watch(): Promise<void>;
};

export type DispatchOptions = Pick<
  DispatcherParts,
  'openQueue' | 'redis' | 'redisConfigured' | 'incarnation' | 'orchestratorId' | 'window'
> & {
  readonly pool: Pool;
  readonly catalog: AgentCatalog;
  readonly runningLimits: RunningLimits;
  readonly pace: Pace;
  readonly logger: Logger;
  /** Tasks whose state the writer remembers. */
  readonly cachedTasks?: number;
  /** Aborts when nothing new is to be begun. */
  readonly signal: AbortSignal;
};

export function startDispatch(options: DispatchOptions): Dispatch {
  const { pool, catalog, runningLimits, pace, logger, orchestratorId, signal } = options;
  const writer = createTaskWriter(pool, options.cachedTasks);
  const clock = createPostgresClock();
  const roster = createRoster<WorkSession>();
  const assignments = createAssignmentCache(pool);
  const grace = createGrace(performance.now());
  const heartbeats = startHeartbeats({ pool, logger, onAway: () => grace.restart(performance.now()) });
  const claims = createClaims({
    writer,
    roster,
    catalog,
    assignments,
    runningLimits,
    onUnclaimed: (taskId, limited) => dispatcher.unclaimed(taskId, limited),
    onUnwanted: (written) => dispatcher.unwanted(written),
    logger,
    signal,
  });
  const leadership = startLeadership({ pool, orchestratorId, logger });
  const dispatcher: Dispatcher = createDispatcher({ ...options, leadership, claims, roster });
  writer.onWritten((written) => {
    if (written.recordedAt !== null) clock.observe(written.recordedAt);
    dispatcher.changed(written);
    noticeWritten(roster, written);
  });
  return {
    pool,
    writer,
    catalog,
    assignments,
    dispatcher,
    heartbeats,
    roster,
    clock,
    logger,
    pace,
    runningLimits,
    orchestratorId,
    leadership,
    async watch() {
      await Promise.all([
        runExpiry({ pool, writer, catalog, roster, grace, pace, logger }, signal),
        runSilence({ roster, writer, logger, heartbeatMs: pace.heartbeatMs }, signal),
        runEvidence({ roster, heartbeats, catalog }, signal),
        runEnds({ pool, writer, catalog, logger }, signal),
      ]);
    },
  };
}
