/** Looks at a world while things happen in it, and in the end: what its promises come to when one sees everything. */
import { TASKS_PER_TICKET, type Offer } from '@morningai/queue/offers';
import type { Mark } from '@morningai/queue/marker';
import { queueName } from '@morningai/queue/queue-names';
import { URGENT_ALLOWANCE, WINDOW } from '@morningai/orchestrator/domain/ticket-window';
import type { Claim } from '@morningai/rpc/worker';
import type { Calm } from './calm.ts';
import { createJudge, type Judge } from './judge.ts';
import type { SimulatedOrchestrator } from './orchestrator.ts';
import { AGENTS, TENANTS, type Plan } from './plan.ts';
import type { VirtualPostgres } from './servers/virtual-postgres.ts';
import type { VirtualRedis } from './servers/virtual-redis.ts';
import type { Host, VirtualTime } from './virtual-time.ts';
import type { World } from './world.ts';
import type { Acknowledged, SimulatedWorker, Work } from './worker.ts';

export const AUDIT_MS = 250;
/** While a slot is free no due task waits longer; and what an answer and a look take. */
const FORGOTTEN_MS = 1_000 + AUDIT_MS;
/** The next of a key, or of a tenant at its limit, is found by asking again. */
const HELD_BACK_MS = 2_000 + AUDIT_MS;
/** Who waited for Postgres tries again within so long. */
const CALM_MS = 2_000;
const TICKETS_WITHIN_MS = 3_000;

export type Watch = {
  readonly judge: Judge;
  onAsked(id: string): void;
  onAccepted(id: string): void;
  onAssigned(claim: Claim): void;
  onAcknowledged(acknowledged: Acknowledged): void;
  /** A worker was given more than it has slots. */
  onOverfull(worker: string, working: number): void;
  onMark(mark: Mark, before: Mark | null): void;
  onOffer(host: Host, epoch: number, offers: readonly Offer[]): void;
  /** A program error of the shipped code. */
  onBug(error: unknown): void;
  /** Every so often. */
  audit(postgres: VirtualPostgres, redis: VirtualRedis): void;
  /** While all slots are held: what waits must have its ticket. */
  auditTickets(world: World, postgres: VirtualPostgres, redis: VirtualRedis): Promise<void>;
  /** @param settledMs how long all has been well */
  judgeEnd(settledMs: number): void;
};

export type WatchParts = {
  readonly time: VirtualTime;
  readonly plan: Plan;
  readonly calm: Calm;
  readonly orchestrators: readonly SimulatedOrchestrator[];
  readonly workers: readonly SimulatedWorker[];
};

export function createWatch({ time, plan, calm, orchestrators, workers }: WatchParts): Watch {
  const asked = new Set<string>();
  const accepted = new Set<string>();
  const assigned = new Set<string>();
  const acknowledged: Acknowledged[] = [];
  /** Of each epoch: who gives out its tickets. */
  const offerers = new Map<number, string>();
  /** Of an orchestrator and an agent: since when there is a slot. */
  const freeSince = new Map<string, number>();

  const judge = createJudge({
    maxRunningPerTenant: plan.maxRunningPerTenant,
    silentMs(worker) {
      const since = Math.max(calm.hurtSince(worker), calm.wellSince('orchestrators'), calm.wellSince('postgres'));
      return Math.max(0, time.now - since);
    },
    wasAssigned: (task, fence) => assigned.has(`${task}/${fence}`),
    isHealthy: (worker, sinceMs) => calm.wellSince('orchestrators') < sinceMs && calm.wellSince(worker) < sinceMs,
  });
  const { violated } = judge;
  const livingWorkers = () => workers.filter(({ host }) => host.state !== 'dead');

  time.onMoment = () => {
    const leaders = orchestrators.filter((one) => one.host.state === 'running' && one.term !== null);
    if (leaders.length > 1)
      violated(`${leaders.map(({ host, term }) => `${host.name} (${term})`).join(' and ')} lead at once`);
  };

  const auditForgotten = (postgres: VirtualPostgres, one: SimulatedOrchestrator, agent: string) => {
    const place = `${one.host.name}/${agent}`;
    if (one.host.state !== 'running' || one.roster.free(agent) === 0) freeSince.delete(place);
    else if (!freeSince.has(place)) freeSince.set(place, time.now);
    const wellSince = Math.max(calm.wellSince('postgres'), calm.wellSince(one.host.name));
    const ready = Math.max(freeSince.get(place) ?? Infinity, wellSince + CALM_MS);
    if (time.now - ready <= FORGOTTEN_MS) return;
    for (const task of postgres.tables.tasks.values()) {
      if (task.status !== 'queued' || task.agent !== agent || task.wakeAtMs === null) continue;
      const key = judge.tasks.get(task.id)?.key ?? null;
      const free = key === null ? 0 : judge.keyFreeSince(task.tenant, key);
      const below = judge.belowLimitSince(task.tenant);
      const waited = time.now - Math.max(ready, task.wakeAtMs, free, below);
      const bound = free > 0 || below > 0 ? HELD_BACK_MS : FORGOTTEN_MS;
      if (waited > bound) {
        violated(`${task.id} is due, ${one.host.name} has a slot for it, and it has waited ${Math.round(waited)} ms`);
      }
    }
  };

  const auditWindow = (postgres: VirtualPostgres, redis: VirtualRedis) => {
    const { marker } = redis;
    if (marker === null) return;
    for (const agent of AGENTS) {
      const tickets = redis.queues.get(queueName(marker.epoch, agent)) ?? [];
      const named = tickets.flatMap(({ tasks }) => tasks);
      const waiting = new Set(named.filter((id) => postgres.tables.tasks.get(id)?.status === 'queued'));
      // What the log lane has claimed leaves its ticket behind, and may wait again.
      const most = 2 * plan.window.most * URGENT_ALLOWANCE;
      if (waiting.size > most) violated(`${waiting.size} tasks of ${agent} have tickets`);
    }
  };

  const judgeTickets = (postgres: VirtualPostgres, redis: VirtualRedis) => {
    const leader = orchestrators.find((one) => one.host.state === 'running' && one.dispatcher.status().term !== null);
    if (leader === undefined) return violated('nobody leads, and nothing is in the way');
    const { epoch } = leader.dispatcher.status();
    const ticketed = new Set(
      [...redis.queues]
        .filter(([name]) => name.startsWith(`e${epoch}-`))
        .flatMap(([, tickets]) => tickets.flatMap(({ tasks }) => tasks)),
    );
    for (const task of postgres.tables.tasks.values()) {
      const isLimited = judge.belowLimitSince(task.tenant) > 0 || judge.tasks.get(task.id)?.key != null;
      const isRecent = (task.wakeAtMs ?? Infinity) > time.now - TICKETS_WITHIN_MS / 2;
      const isServed = livingWorkers().some(({ agents }) => agents.includes(task.agent));
      if (task.status !== 'queued' || isLimited || isRecent || !isServed || ticketed.has(task.id)) continue;
      if (redis.lostSome || orchestrators.some((one) => one.roster.free(task.agent) > 0)) continue;
      violated(`${task.id} is due and has no ticket in epoch ${epoch}`);
    }
  };

  return {
    judge,
    onAsked: (id) => void asked.add(id),
    onAccepted: (id) => void accepted.add(id),
    onAssigned: ({ task, fence }) => void assigned.add(`${task}/${fence}`),
    onAcknowledged: (one) => void acknowledged.push(one),
    onOverfull: (worker, working) => violated(`${worker} works on ${working} tasks and has fewer slots`),
    onMark(mark, before) {
      if (before !== null && (mark.term < before.term || (mark.term === before.term && mark.epoch < before.epoch))) {
        violated(`the marker of term ${before.term}, epoch ${before.epoch} became ${mark.term}, ${mark.epoch}`);
      }
    },
    onOffer(host, epoch, offers) {
      for (const { tasks, front } of offers) {
        if (tasks.length > TASKS_PER_TICKET) violated(`a ticket names ${tasks.length} tasks`);
        if (front) continue;
        const other = offerers.get(epoch) ?? host.name;
        if (other !== host.name) violated(`${host.name} and ${other} give out the tickets of epoch ${epoch}`);
        offerers.set(epoch, other);
      }
    },
    onBug: (error) => violated(`a program error: ${error instanceof Error ? error.stack : String(error)}`),
    audit(postgres, redis) {
      auditWindow(postgres, redis);
      for (const one of orchestrators) for (const agent of AGENTS) auditForgotten(postgres, one, agent);
    },
    async auditTickets(world, postgres, redis) {
      // Where another process leads, a task for which two lanes stood in line has used its ticket up: the log lane finds it.
      if (plan.orchestrators > 1 || plan.window.least < WINDOW.least) return;
      await world.advance(CALM_MS);
      for (const agent of AGENTS) {
        const slots = livingWorkers().reduce((sum, one) => sum + (one.agents.includes(agent) ? one.slots : 0), 0);
        const work: Work = { ms: 10, ends: 'completes' };
        for (let n = 0; n < slots + 3; n += 1) {
          const tenant = TENANTS[n % TENANTS.length] ?? '';
          world.submit(n, { agent, tenant, priority: n % 4, dueInMs: 0, key: '', work });
        }
      }
      await world.advance(TICKETS_WITHIN_MS);
      judgeTickets(postgres, redis);
      // And in the next epoch too.
      redis.flush();
      await world.advance(TICKETS_WITHIN_MS / 2);
      judgeTickets(postgres, redis);
    },
    judgeEnd(settledMs) {
      for (const [id, { status }] of judge.tasks) {
        if (status !== 'finished') violated(`${id} is still ${status} ${settledMs / 1_000} s after all was well again`);
      }
      for (const id of accepted) if (!judge.tasks.has(id)) violated(`${id} was accepted and is not in the log`);
      for (const id of judge.tasks.keys()) if (!asked.has(id)) violated(`${id} was asked for by nobody`);
      for (const { claim, outcome, output } of acknowledged) {
        const reported = judge.tasks.get(claim.task)?.reports.get(claim.fence);
        const isThere =
          outcome === 'completed'
            ? reported === `completed ${JSON.stringify(output)}`
            : reported?.startsWith('completed') !== true;
        if (!isThere)
          violated(`${claim.task}: fence ${claim.fence} was told that it ${outcome}; the log has ${reported}`);
      }
    },
  };
}
