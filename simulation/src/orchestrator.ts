/**
 * An orchestrator as service.ts wires it, without its gRPC server and its feed: all that dispatches is the shipped code. Its agents come
 * from a list, for compiling schemas is no part of this.
 */
import { performance } from 'node:perf_hooks';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { createTaskWriter } from '@morningai/log/task-writer';
import type { AgentCatalog } from '@morningai/orchestrator/agent-catalog';
import { createAssignmentCache } from '@morningai/orchestrator/dispatch/assignment-cache';
import { noticeWritten } from '@morningai/orchestrator/dispatch/cancel-notices';
import { createClaims } from '@morningai/orchestrator/dispatch/claims';
import { createDispatcher, type Dispatcher } from '@morningai/orchestrator/dispatch/dispatcher';
import { runEnds } from '@morningai/orchestrator/dispatch/ends';
import { runEvidence } from '@morningai/orchestrator/dispatch/evidence';
import { runExpiry } from '@morningai/orchestrator/dispatch/expiry';
import { startHeartbeats } from '@morningai/orchestrator/dispatch/heartbeats';
import { startLeadership } from '@morningai/orchestrator/dispatch/leadership';
import { PACE } from '@morningai/orchestrator/dispatch/pace';
import { runSilence } from '@morningai/orchestrator/dispatch/silence';
import type { WorkSession } from '@morningai/orchestrator/dispatch/work-session';
import type { AgentRecord } from '@morningai/orchestrator/domain/agent-record';
import { createGrace } from '@morningai/orchestrator/domain/grace';
import { createRoster, type Roster } from '@morningai/orchestrator/domain/roster';
import { createPostgresClock } from '@morningai/orchestrator/postgres-clock';
import type { RpcParts } from '@morningai/orchestrator/rpc/parts';
import { work } from '@morningai/orchestrator/rpc/work';
import type { OrchestratorFrame, WorkerFrame } from '@morningai/rpc/worker';
import type { Logger } from '@morningai/service/logger';
import type { VirtualPostgres } from './servers/virtual-postgres.ts';
import type { VirtualRedis } from './servers/virtual-redis.ts';
import type { Host } from './virtual-time.ts';

export type SimulatedOrchestrator = {
  readonly host: Host;
  readonly parts: RpcParts;
  readonly roster: Roster<WorkSession>;
  readonly dispatcher: Dispatcher;
  /** Of its leadership; null: another leads. */
  readonly term: number | null;
  serve(stream: ServerDuplexStream<WorkerFrame, OrchestratorFrame>): void;
};

export type OrchestratorParts = {
  readonly host: Host;
  readonly postgres: VirtualPostgres;
  readonly redis: VirtualRedis;
  readonly agents: readonly AgentRecord[];
  readonly maxRunningPerTenant: number | null;
  readonly logger: Logger;
  /** A program error of the shipped code. */
  readonly onBug: (error: unknown) => void;
};

/** Few: what is not cached is read again, and that is simulated too. */
const CACHED_TASKS = 8;
const INCARNATION = 'a5a5a5a5-0000-4000-8000-000000000000';

/** To be called as its process. */
export function startOrchestrator(options: OrchestratorParts): SimulatedOrchestrator {
  const { host, postgres, redis, agents, logger, onBug } = options;
  const pool = postgres.pool();
  const { signal } = new AbortController();
  const orchestratorId = host.name;
  const writer = createTaskWriter(pool, CACHED_TASKS);
  const clock = createPostgresClock();
  const catalog = listedAgents(agents);
  const roster = createRoster<WorkSession>();
  const assignments = createAssignmentCache(pool);
  const grace = createGrace(performance.now());
  const heartbeats = startHeartbeats({ pool, logger, onAway: () => grace.restart(performance.now()) });
  const runningLimits = { perTenant: options.maxRunningPerTenant, perAgent: null };
  const claims = createClaims({
    writer,
    roster,
    catalog,
    assignments,
    runningLimits,
    onUnclaimed: (taskId, limited) => dispatcher.unclaimed(taskId, limited),
    logger,
    signal,
  });
  const leadership = startLeadership({ pool, orchestratorId, logger });
  const dispatcher: Dispatcher = createDispatcher({
    pool,
    openQueue: redis.open(host),
    redis: REDIS,
    redisConfigured: '',
    incarnation: INCARNATION,
    orchestratorId,
    leadership,
    claims,
    roster,
    logger,
  });
  writer.onWritten((written) => {
    if (written.recordedAt !== null) clock.observe(written.recordedAt);
    dispatcher.changed(written);
    noticeWritten(roster, written);
  });
  runExpiry({ pool, writer, catalog, roster, grace, pace: PACE, logger }, signal).catch(onBug);
  runSilence({ roster, writer, logger, heartbeatMs: PACE.heartbeatMs }, signal).catch(onBug);
  runEvidence({ roster, heartbeats, catalog }, signal).catch(onBug);
  runEnds({ pool, writer, catalog, logger }, signal).catch(onBug);
  const parts: RpcParts = {
    pool,
    writer,
    catalog,
    assignments,
    dispatcher,
    heartbeats,
    publisher: noFeed,
    move: neverMoved,
    roster,
    clock,
    logger,
    pace: PACE,
    maxOpenTasks: 10_000_000,
    runningLimits,
    onReplayed: () => undefined,
    orchestratorId,
    draining: signal,
    authenticate: () => undefined,
    onBug,
  };
  return {
    host,
    parts,
    roster,
    dispatcher,
    get term() {
      return leadership.term;
    },
    serve: (stream) => work(parts, stream),
  };
}

const REDIS = {
  url: 'redis://simulated',
  place: 'redis://simulated',
  move: 0,
  movedAt: null,
  sealedUrl: null,
  isLocked: false,
};

const noFeed = new Proxy({} as RpcParts['publisher'], {
  get(): never {
    throw new TypeError('the simulation has no feed');
  },
});

const neverMoved = new Proxy({} as RpcParts['move'], {
  get(): never {
    throw new TypeError('the simulation moves no queue');
  },
});

function listedAgents(agents: readonly AgentRecord[]): AgentCatalog {
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  return {
    accepting(name) {
      const agent = byName.get(name);
      return agent === undefined ? Promise.reject(new TypeError(`no agent ${name}`)) : Promise.resolve(agent);
    },
    known: (name) => byName.get(name),
    names: () => [...byName.keys()],
    all: () => Promise.resolve(agents),
    remember: () => Promise.resolve(),
    refresh: () => Promise.resolve(),
  };
}
