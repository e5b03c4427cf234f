/**
 * An orchestrator without its gRPC server and its feed: all that dispatches is the shipped code, wired by it. Its agents come from a list, for
 * compiling schemas is no part of this.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { AgentCatalog } from '@morningai/orchestrator/agent-catalog';
import type { Dispatcher } from '@morningai/orchestrator/dispatch/dispatcher';
import { PACE } from '@morningai/orchestrator/dispatch/pace';
import type { WorkSession } from '@morningai/orchestrator/dispatch/work-session';
import type { AgentRecord } from '@morningai/orchestrator/domain/agent-record';
import type { Roster } from '@morningai/orchestrator/domain/roster';
import type { WindowSize } from '@morningai/orchestrator/domain/ticket-window';
import type { RpcParts } from '@morningai/orchestrator/rpc/parts';
import { work } from '@morningai/orchestrator/rpc/work';
import { startDispatch } from '@morningai/orchestrator/start-dispatch';
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
  readonly window: WindowSize;
  readonly logger: Logger;
  /** A program error of the shipped code. */
  readonly onBug: (error: unknown) => void;
};

/** Few: what is not cached is read again, and that is simulated too. */
const CACHED_TASKS = 8;
const REDIS = {
  url: 'redis://simulated',
  place: 'redis://simulated',
  move: 0,
  movedAt: null,
  sealedUrl: null,
  isLocked: false,
};
const INCARNATION = 'a5a5a5a5-0000-4000-8000-000000000000';

/** To be called as its process. */
export function startOrchestrator(options: OrchestratorParts): SimulatedOrchestrator {
  const { host, postgres, redis, agents, window, logger, onBug } = options;
  const { signal } = new AbortController();
  const dispatch = startDispatch({
    pool: postgres.pool(host),
    openQueue: redis.open(host),
    redis: REDIS,
    redisConfigured: '',
    incarnation: INCARNATION,
    orchestratorId: host.name,
    catalog: listedAgents(agents),
    runningLimits: { perTenant: options.maxRunningPerTenant, perAgent: null },
    pace: PACE,
    window,
    cachedTasks: CACHED_TASKS,
    logger,
    signal,
  });
  dispatch.watch().catch(onBug);
  const parts: RpcParts = {
    ...dispatch,
    publisher: noFeed,
    move: neverMoved,
    maxOpenTasks: 10_000_000,
    onReplayed: () => undefined,
    draining: signal,
    authenticate: () => undefined,
    onBug,
  };
  const { roster, dispatcher, leadership } = dispatch;
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
