import type { RunningLimits } from '@morningai/core/task-projection';
import type { TaskWriter } from '@morningai/log/task-writer';
import type { Pool } from '@morningai/log/pool';
import type { Authenticate, OnBug } from '@morningai/rpc/server';
import type { Logger } from '@morningai/service/logger';
import type { AgentCatalog } from '../agent-catalog.ts';
import type { AssignmentCache } from '../dispatch/assignment-cache.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Heartbeats } from '../dispatch/heartbeats.ts';
import type { MoveParts } from '../dispatch/move-queue.ts';
import type { Pace } from '../dispatch/pace.ts';
import type { Publisher } from '../dispatch/publisher.ts';
import type { WorkSession } from '../dispatch/work-session.ts';
import type { Roster } from '../domain/roster.ts';
import type { PostgresClock } from '../postgres-clock.ts';

/** What the methods of this service work with; `service.ts` owns it. */
export type Parts = {
  readonly pool: Pool;
  readonly writer: TaskWriter;
  readonly catalog: AgentCatalog;
  readonly assignments: AssignmentCache;
  readonly dispatcher: Dispatcher;
  readonly heartbeats: Heartbeats;
  readonly publisher: Publisher;
  /** What moving the queue to another Redis needs. */
  readonly move: MoveParts;
  readonly roster: Roster<WorkSession>;
  readonly clock: PostgresClock;
  readonly logger: Logger;
  readonly pace: Pace;
  readonly maxOpenTasks: number;
  readonly runningLimits: RunningLimits;
  /** The tables were set to what the log gives: whoever remembers what was in them must look again. */
  readonly onReplayed: () => void;
  readonly orchestratorId: string;
};

export type RpcParts = Parts & {
  readonly authenticate: Authenticate;
  readonly onBug: OnBug;
  /** Aborts when the service is told to stop. */
  readonly draining: AbortSignal;
};
