/**
 * Brings due tasks to free slots, by two lanes; the claim in the log decides, so both may offer the same task. The queue lane is the everyday
 * path: the leader gives due tasks tickets in Redis, and who takes a ticket claims. The log lane picks due tasks straight from Postgres. A
 * task that becomes due in this process while a slot is free here and nobody waits before it is claimed at once: no way is shorter.
 */
import { performance } from 'node:perf_hooks';
import type { Lane } from '@morningai/core/task';
import type { Pool } from '@morningai/log/pool';
import type { Written } from '@morningai/log/task-writer';
import { ticketPrefix } from '@morningai/queue/queue-names';
import type { Consumer, openTicketQueue } from '@morningai/queue/ticket-queue';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { createHeldBack, type Limited } from '../domain/held-back.ts';
import type { RedisInUse } from '../domain/redis-in-use.ts';
import type { Roster } from '../domain/roster.ts';
import { WINDOW, type WindowSize } from '../domain/ticket-window.ts';
import { leaveOrchestrators, reportOrchestrator, type OrchestratorReport } from '../store/orchestrators.ts';
import type { ClaimAlong, Claims } from './claims.ts';
import type { Leadership } from './leadership.ts';
import { startLogLane } from './log-lane.ts';
import { createMovableQueue } from './movable-queue.ts';
import { startQueueLane, type QueueLane } from './queue-lane.ts';
import { startTopUp } from './top-up.ts';
import type { WorkSession } from './work-session.ts';

const REPORT_MS = 500;
/** An orchestrator that says nothing for so long takes no tickets any more. */
export const ALIVE_MS = 2_000;

export type DispatchStatus = {
  readonly lane: 'queue' | 'log';
  /** Why the queue lane is closed; empty: it is open. */
  readonly why: string;
  readonly epoch: number | null;
  /** Null: another orchestrator leads. */
  readonly term: number | null;
  /** Tasks with a ticket, as far as the leader knows. */
  readonly ticketed: number;
  readonly redis: RedisInUse;
};

export type Dispatcher = {
  /** A task changed: after the commit. */
  changed(written: Written): void;
  /** A claim was not written, because of a limit or for another reason: the task stays queued. */
  unclaimed(taskId: string, limited: Limited | null): void;
  /** A task had no use for a claim: it runs, has ended, or is not due. */
  unwanted(written: Written): void;
  /** The claim that goes along with a task that is submitted now; null: others wait for a slot, none is free, or a limit forbids it. */
  claimAlong(agent: string, tenant: string): ClaimAlong | null;
  /** A worker joined, or a slot may be free for another reason. */
  wake(): void;
  /** Has all tickets given out anew: what Postgres has of the tasks was mended. */
  renew(): Promise<void>;
  /** From now on this Redis has the tickets. Those of the one before are not taken any more. */
  moveTo(redis: RedisInUse): void;
  status(): DispatchStatus;
  close(): Promise<void>;
};

export type DispatcherParts = {
  readonly pool: Pool;
  readonly openQueue: typeof openTicketQueue;
  readonly redis: RedisInUse;
  /** Fingerprint of what REDIS_URL says. */
  readonly redisConfigured: string;
  readonly incarnation: string;
  readonly orchestratorId: string;
  readonly leadership: Leadership;
  readonly claims: Claims;
  readonly roster: Roster<WorkSession>;
  /** Of the tickets; `WINDOW` where nothing else is said. */
  readonly window?: WindowSize;
  readonly logger: Logger;
};

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { pool, claims, roster, logger, orchestratorId, leadership } = parts;
  const stop = new AbortController();
  const reporter = createWaker();
  const consumers = new Map<string, Consumer & { readonly epoch: number }>();
  const heldBack = createHeldBack(() => performance.now());
  let others: readonly OrchestratorReport[] = [];
  let { redis } = parts;

  const queue = createMovableQueue(parts.openQueue, {
    url: redis.url,
    prefix: ticketPrefix(parts.incarnation),
    onChange(connected) {
      logger[connected ? 'info' : 'warn']({ connected }, connected ? 'redis answers' : 'redis is away');
      lane.wake();
    },
    onError: (error) => logger.debug({ why: reason(error) }, 'redis client'),
  });
  const lane: QueueLane = startQueueLane({
    pool,
    queue,
    place: () => redis.place,
    leadership,
    logger,
    onChange() {
      consume();
      topUp.wake();
      logLane.wakeAll();
    },
  });

  const slots = () => {
    const sums = new Map(roster.agents().map((agent) => [agent, roster.slotsOf(agent)]));
    for (const other of others) {
      for (const [agent, count] of Object.entries(other.slots)) sums.set(agent, (sums.get(agent) ?? 0) + count);
    }
    return sums;
  };

  /** For slots here. What finds none in time goes back to the leader, who passed it over meanwhile. */
  const takeHere = async (agent: string, taskIds: readonly string[], by: Lane) => {
    for (const taskId of await claims.take(agent, taskIds, by)) topUp.released(taskId);
  };

  const topUp = startTopUp({
    pool,
    queue,
    lane: () => lane,
    slots,
    isTaking: claims.isTaking,
    heldBack,
    size: parts.window ?? WINDOW,
    logger,
  });
  const logLane = startLogLane({
    pool,
    claims,
    take: (agent, taskIds) => takeHere(agent, taskIds, 'log'),
    heldBack,
    untilFree: roster.untilFree,
    free: roster.free,
    ticketAt: (agent) => (lane.epoch === null ? null : (consumers.get(agent)?.ticketAt ?? -Infinity)),
    rank: () => others.filter(({ id }) => id < orchestratorId).length,
    logger,
  });

  /** One consumer per agent that a worker here has, in the epoch that is. */
  const consume = () => {
    const { epoch } = lane;
    for (const [agent, consumer] of consumers) {
      if (consumer.epoch === epoch) continue;
      consumers.delete(agent);
      void consumer.close();
    }
    for (const agent of roster.agents()) {
      logLane.serve(agent);
      if (epoch === null || consumers.has(agent)) continue;
      const take = async (_: string, taskIds: readonly string[]) => {
        const left = await claims.take(agent, taskIds, 'queue');
        if (lane.epoch === epoch) return left;
        // Its queue is over.
        left.forEach(topUp.released);
        return [];
      };
      const consumer = queue.consume({ epoch, agent, untilFree: roster.untilFree, free: roster.free, take });
      consumers.set(agent, Object.assign(consumer, { epoch }));
    }
  };

  /** True if nobody waits for a slot before a task that becomes due now. */
  const isFirst = (agent: string) => {
    if (roster.free(agent) === 0) return false;
    if (lane.epoch === null) return logLane.isDrained(agent);
    return (consumers.get(agent)?.idle ?? false) && !(lane.term !== null && topUp.hasWaiting(agent));
  };

  const changed = (written: Written) => {
    const newest = written.events.at(-1);
    const { state, taskId } = written;
    if (newest?.type === 'TaskSubmitted' && newest.data.dueInMs === 0 && state.status === 'queued') {
      if (isFirst(state.agent)) void takeHere(state.agent, [taskId], 'direct');
      else if (lane.epoch === null) logLane.wake(state.agent);
    } else if (state.status !== 'none' && state.status !== 'running' && newest !== undefined) {
      const { agent, concurrencyKey = null } = state;
      const { next, isLimited } = heldBack.freed({ agent, tenant: written.tenant, concurrencyKey });
      if (next !== null) release(next);
      if (isLimited) wakeLanes(agent);
    }
    topUp.wrote(written);
  };

  /** One more of a tenant at its limit may be offered: by the leader's tickets, or where there are none. */
  const wakeLanes = (agent: string) => {
    if (lane.term === null) logLane.wake(agent);
    else topUp.wake();
  };

  /** What a key held back is due again. */
  const release = ({ taskId, agent }: { readonly taskId: string; readonly agent: string }) => {
    if (roster.free(agent) > 0) void takeHere(agent, [taskId], 'direct');
    else topUp.released(taskId);
  };

  const report = async () => {
    while (!stop.signal.aborted) {
      const slots = Object.fromEntries(roster.agents().map((agent) => [agent, roster.slotsOf(agent)]));
      const { redisConfigured } = parts;
      const own = { id: orchestratorId, slots, redisMove: redis.move, redisConfigured };
      await reportOrchestrator(pool, own, ALIVE_MS).then(
        (living) => void (others = living),
        (error: unknown) => logger.debug({ why: reason(error) }, 'orchestrator not reported'),
      );
      heldBack.takeOverdue().forEach(release);
      await reporter.sleep(REPORT_MS, stop.signal);
    }
  };
  const reporting = report();

  return {
    changed,
    claimAlong: (agent, tenant) =>
      isFirst(agent) && !heldBack.tenants(agent).includes(tenant) ? claims.along(agent) : null,
    wake() {
      consume();
      topUp.wake();
      logLane.wakeAll();
    },
    unclaimed(taskId, limited) {
      if (limited === null) return topUp.released(taskId);
      heldBack.hold(limited);
      topUp.limited(limited);
    },
    unwanted({ state, tenant }) {
      if (state.status === 'none' || state.status === 'running' || state.concurrencyKey === undefined) return;
      // It may have stood in line for its key, and ended elsewhere: those behind it need not wait because of it.
      const next = heldBack.passed(tenant, state.concurrencyKey);
      if (next !== null) release(next);
    },
    renew: lane.renew,
    moveTo(next) {
      const isElsewhere = next.url !== redis.url;
      redis = next;
      if (isElsewhere) {
        queue.moveTo(next.url);
        lane.moved();
      }
      reporter.wake();
    },
    status: () => ({
      lane: lane.epoch === null ? 'log' : 'queue',
      why: lane.why,
      epoch: lane.epoch,
      term: lane.term,
      ticketed: topUp.ticketed,
      redis,
    }),
    async close() {
      stop.abort();
      await Promise.all([lane.close(), topUp.close(), logLane.close(), reporting]);
      await Promise.all([...consumers.values()].map((consumer) => consumer.close()));
      await leaveOrchestrators(pool, orchestratorId).catch(() => undefined);
      await queue.close();
    },
  };
}
