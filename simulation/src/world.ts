/**
 * A whole dispatching system in one thread: orchestrators of shipped code, workers, Postgres and Redis, on one virtual clock. It can be hurt,
 * healed and asked whether its promises hold.
 */
import { queueName } from '@morningai/queue/queue-names';
import { TASKS_PER_TICKET } from '@morningai/queue/offers';
import { cancelTask } from '@morningai/orchestrator/rpc/cancel-task';
import { retryTask } from '@morningai/orchestrator/rpc/retry-task';
import { submitTasks } from '@morningai/orchestrator/rpc/submit-tasks';
import { WINDOW_MIN } from '@morningai/orchestrator/domain/ticket-window';
import type { AgentRecord } from '@morningai/orchestrator/domain/agent-record';
import type { Logger } from '@morningai/service/logger';
import { createJudge, type Judge } from './judge.ts';
import { startOrchestrator, type SimulatedOrchestrator } from './orchestrator.ts';
import { createVirtualPostgres, type PostgresMode, type VirtualPostgres } from './servers/virtual-postgres.ts';
import { createVirtualRedis, type VirtualRedis } from './servers/virtual-redis.ts';
import type { VirtualTime } from './virtual-time.ts';
import { startWorker, type Acknowledged, type SimulatedWorker, type Work } from './worker.ts';

export const AGENTS = ['faq', 'echo'] as const;
export const TENANTS = ['acme', 'bolt'] as const;

export type Plan = {
  readonly orchestrators: number;
  readonly workers: readonly { readonly agents: readonly string[]; readonly slots: number }[];
  readonly maxRunningPerTenant: number | null;
  /** In the end all slots are held for a while, and who waits must have a ticket. */
  readonly ticketsJudged: boolean;
  /** So many tasks wait from the beginning; with any, the schedule ends without waiting for the last of them. */
  readonly backlog: number;
};

export type Wanted = {
  readonly agent: string;
  readonly tenant: string;
  readonly priority: number;
  readonly dueInMs: number;
  readonly key: string;
  readonly work: Work;
};

export type World = {
  readonly time: VirtualTime;
  readonly judge: Judge;
  readonly redis: VirtualRedis;
  readonly postgres: VirtualPostgres;
  readonly orchestrators: readonly SimulatedOrchestrator[];
  readonly workers: readonly SimulatedWorker[];
  /** Ids of the tasks that were asked for. */
  readonly asked: readonly string[];
  submit(by: number, wanted: Wanted): void;
  cancel(by: number, task: number, graceMs: number): void;
  retry(by: number, task: number): void;
  freezeOrchestrator(n: number): void;
  thawOrchestrator(n: number): void;
  killOrchestrator(n: number): void;
  freezeWorker(n: number): void;
  thawWorker(n: number): void;
  killWorker(n: number): void;
  cutWorker(n: number): void;
  hold(holding: boolean): void;
  postgresBecomes(mode: PostgresMode): void;
  advance(ms: number): Promise<void>;
  /** Everything is well again, and who died has a successor. */
  heal(): void;
  /** Until all is done, and then the rest of what must hold. */
  settle(): Promise<void>;
};

const AUDIT_MS = 250;
/** While a slot is free no due task waits longer; and what an answer and a look take. */
const FORGOTTEN_MS = 1_000 + AUDIT_MS;
/** The next of a key, or of a tenant at its limit, is found by asking again. */
const HELD_BACK_MS = 2_000 + AUDIT_MS;
/** Who waited for Postgres tries again within so long. */
const CALM_MS = 2_000;
const SETTLE_MS = 90_000;
const TICKETS_WITHIN_MS = 3_000;
const CALL_MS = 10_000;
const WINDOW_ALLOWANCE = 1.25;

export type WorldParts = {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly plan: Plan;
  readonly logger: Logger;
};

export function createWorld({ time, random, plan, logger }: WorldParts): World {
  const orchestrators: SimulatedOrchestrator[] = [];
  const workers: SimulatedWorker[] = [];
  const asked: string[] = [];
  const acceptedTasks = new Set<string>();
  const acknowledged: Acknowledged[] = [];
  const offerers = new Map<number, string>();
  let hosts = 0;
  /** Since when nothing was wrong with Postgres; Infinity: something is. */
  let calmSince = 0;
  /** Of each orchestrator: since when it runs, and since when it has had a slot for an agent. */
  const runsSince = new Map<SimulatedOrchestrator, number>();
  const freeSince = new Map<string, number>();
  let orchestratorsHurtAt = -Infinity;
  const frozenSince = new Map<string, number>();
  const assigned = new Set<string>();

  const judge = createJudge({
    maxRunningPerTenant: plan.maxRunningPerTenant,
    silentMs: (name) => time.now - (frozenSince.get(name) ?? time.now),
    wasAssigned: (task, fence) => assigned.has(`${task}/${fence}`),
    isHealthy: (name, sinceMs) =>
      orchestratorsHurtAt < sinceMs && workers.some(({ host, hurtAt }) => host.name === name && hurtAt < sinceMs),
  });
  const { violated } = judge;
  const postgres = createVirtualPostgres({ time, random, onAccepted: judge.read });
  const redis = createVirtualRedis({
    time,
    random,
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
  });

  const onBug = (error: unknown) =>
    violated(`a program error: ${error instanceof Error ? error.stack : String(error)}`);
  const record = agentRecords();

  const addOrchestrator = () => {
    const host = time.createHost(`orchestrator-${(hosts += 1)}`);
    time.post(host, () => {
      const started = startOrchestrator({
        host,
        postgres,
        redis,
        agents: record,
        maxRunningPerTenant: plan.maxRunningPerTenant,
        logger,
        onBug,
      });
      orchestrators.push(started);
      runsSince.set(started, time.now);
    });
  };

  const addWorker = ({ agents, slots }: { readonly agents: readonly string[]; readonly slots: number }) => {
    const host = time.createHost(`worker-${(hosts += 1)}`);
    time.post(host, () => {
      workers.push(
        startWorker({
          time,
          host,
          agents,
          slots,
          orchestrators: () => orchestrators.filter((one) => one.host.state !== 'dead'),
          onAssigned: ({ task, fence }) => void assigned.add(`${task}/${fence}`),
          onAcknowledged: (one) => void acknowledged.push(one),
        }),
      );
    });
  };

  const input: Work = { ms: 400, ends: 'completes' };
  for (let n = 0; n < plan.backlog; n += 1) {
    const id = taskId(asked.length);
    asked.push(id);
    postgres.tables.insertQueued({ id, agent: AGENTS[0], tenant: TENANTS[0], priority: 2 + (n % 2), input }, time.now);
  }
  for (let n = 0; n < plan.orchestrators; n += 1) addOrchestrator();
  plan.workers.forEach(addWorker);

  const living = () => orchestrators.filter(({ host }) => host.state !== 'dead');
  const orchestratorAt = (n: number) => living()[n % Math.max(1, living().length)];
  const livingWorkers = () => workers.filter(({ host }) => host.state !== 'dead');
  const workerAt = (n: number) => livingWorkers()[n % Math.max(1, livingWorkers().length)];
  const context = () => ({ signal: new AbortController().signal, deadline: new Date(Date.now() + CALL_MS) });

  /** As this orchestrator; what it refuses is the caller's affair. */
  const call = (by: number, run: (one: SimulatedOrchestrator) => Promise<unknown>) => {
    const one = orchestratorAt(by);
    if (one === undefined) return;
    time.post(one.host, () => void run(one).catch((error: unknown) => isBug(error) && onBug(error)));
  };

  const submit = (by: number, { agent, tenant, priority, dueInMs, key, work }: Wanted) => {
    const id = taskId(asked.length);
    asked.push(id);
    const spec = {
      id,
      agent,
      inputJson: JSON.stringify(work),
      priority,
      dueAt: undefined as Date | undefined,
      expiresAt: undefined,
      maxAttempts: 0,
      concurrencyKey: key,
      labels: {},
      idempotencyKey: id,
    };
    call(by, async ({ parts }) => {
      if (dueInMs > 0) spec.dueAt = new Date(parts.clock.nowMs() + dueInMs);
      const { results } = await submitTasks(parts, { tenant, tasks: [spec] }, context());
      if (results[0]?.result?.$case === 'accepted') acceptedTasks.add(id);
      else if (results[0]?.result?.value.code === 'INTERNAL') onBug(new Error(results[0].result.value.message));
    });
  };

  const thawOne = (one: SimulatedOrchestrator) => {
    orchestratorsHurtAt = time.now;
    time.thaw(one.host);
    runsSince.set(one, time.now);
  };

  const thawWorker = (one: SimulatedWorker) => {
    if (one.host.state === 'frozen') one.hurtAt = time.now;
    frozenSince.delete(one.host.name);
    time.thaw(one.host);
  };

  const tenantOf = (id: string) => judge.tasks.get(id)?.tenant ?? '';
  const taskAt = (n: number) => asked[n % Math.max(1, asked.length)];

  // What must hold at every moment, and every so often.

  time.onMoment = () => {
    const leaders = orchestrators.filter((one) => one.host.state === 'running' && one.term !== null);
    if (leaders.length > 1)
      violated(`${leaders.map(({ host, term }) => `${host.name} (${term})`).join(' and ')} lead at once`);
  };

  const audit = () => {
    auditWindow();
    for (const one of orchestrators) {
      for (const agent of AGENTS) {
        const place = `${one.host.name}/${agent}`;
        if (one.host.state !== 'running' || one.roster.free(agent) === 0) freeSince.delete(place);
        else if (!freeSince.has(place)) freeSince.set(place, time.now);
        auditForgotten(one, agent, freeSince.get(place) ?? Infinity);
      }
    }
  };

  const auditForgotten = (one: SimulatedOrchestrator, agent: string, since: number) => {
    const ready = Math.max(since, calmSince + CALM_MS, (runsSince.get(one) ?? Infinity) + CALM_MS);
    if (time.now - ready <= FORGOTTEN_MS) return;
    for (const task of postgres.tables.tasks.values()) {
      if (task.status !== 'queued' || task.agent !== agent || task.wakeAtMs === null) continue;
      const judged = judge.tasks.get(task.id);
      const free = judged?.key == null ? 0 : judge.keyFreeSince(task.tenant, judged.key);
      const below = judge.belowLimitSince(task.tenant);
      const waited = time.now - Math.max(ready, task.wakeAtMs, free, below);
      const bound = free > 0 || below > 0 ? HELD_BACK_MS : FORGOTTEN_MS;
      if (waited > bound) {
        violated(`${task.id} is due, ${one.host.name} has a slot for it, and it has waited ${Math.round(waited)} ms`);
      }
    }
  };

  const auditWindow = () => {
    const { marker } = redis;
    if (marker === null) return;
    for (const agent of AGENTS) {
      const tickets = redis.queues.get(queueName(marker.epoch, agent)) ?? [];
      const named = tickets.flatMap(({ tasks }) => tasks);
      const waiting = new Set(named.filter((id) => postgres.tables.tasks.get(id)?.status === 'queued'));
      // With these few slots, and what they drain, a window is at its least. What was overtaken is named twice.
      if (waiting.size > WINDOW_MIN * WINDOW_ALLOWANCE) violated(`${waiting.size} tasks of ${agent} have tickets`);
      if (named.length > 2 * WINDOW_MIN * WINDOW_ALLOWANCE) violated(`tickets of ${agent} name ${named.length} tasks`);
    }
  };

  /** While all slots are taken, what waits must have its ticket. */
  const auditTickets = async () => {
    world.hold(true);
    for (const agent of AGENTS) {
      const slots = livingWorkers().reduce((sum, one) => sum + (one.agents.includes(agent) ? one.slots : 0), 0);
      const work: Work = { ms: 10, ends: 'completes' };
      for (let n = 0; n < slots + 3; n += 1) {
        submit(n, { agent, tenant: TENANTS[n % TENANTS.length] ?? '', priority: n % 4, dueInMs: 0, key: '', work });
      }
    }
    await world.advance(TICKETS_WITHIN_MS);
    judgeTickets();
    // And in the next epoch too.
    redis.flush();
    await world.advance(TICKETS_WITHIN_MS / 2);
    judgeTickets();
  };

  const judgeTickets = () => {
    const leader = orchestrators.find((one) => one.host.state === 'running' && one.dispatcher.status().term !== null);
    if (leader === undefined) return violated('nobody leads, and nothing is in the way');
    const { epoch } = leader.dispatcher.status();
    const ticketed = new Set(
      [...redis.queues]
        .filter(([name]) => name.startsWith(`e${epoch}-`))
        .flatMap(([, tickets]) => tickets.flatMap(({ tasks }) => tasks)),
    );
    for (const task of postgres.tables.tasks.values()) {
      const judged = judge.tasks.get(task.id);
      const isLimited = judge.belowLimitSince(task.tenant) > 0 || judged?.key != null;
      const isRecent = (task.wakeAtMs ?? Infinity) > time.now - TICKETS_WITHIN_MS / 2;
      const isServed = livingWorkers().some(({ agents }) => agents.includes(task.agent));
      if (task.status !== 'queued' || isLimited || isRecent || !isServed || ticketed.has(task.id)) continue;
      if (redis.lostSome || orchestrators.some((one) => one.roster.free(task.agent) > 0)) continue;
      violated(`${task.id} is due and has no ticket in epoch ${epoch}`);
    }
  };

  const judgeEnd = () => {
    for (const id of acceptedTasks) if (!judge.tasks.has(id)) violated(`${id} was accepted and is not in the log`);
    const known = new Set(asked);
    for (const id of judge.tasks.keys()) if (!known.has(id)) violated(`${id} was asked for by nobody`);
    for (const { claim, outcome, output } of acknowledged) {
      const reported = judge.tasks.get(claim.task)?.reports.get(claim.fence);
      const isThere =
        outcome === 'completed'
          ? reported === `completed ${JSON.stringify(output)}`
          : reported?.startsWith('completed') !== true;
      if (!isThere)
        violated(`${claim.task}: fence ${claim.fence} was told that it ${outcome}; the log has ${reported}`);
    }
  };

  const world: World = {
    time,
    judge,
    redis,
    postgres,
    orchestrators,
    workers,
    asked,
    submit,
    cancel(by, n, graceMs) {
      const id = taskAt(n);
      if (id === undefined) return;
      const grace = { seconds: BigInt(Math.floor(graceMs / 1_000)), nanos: (graceMs % 1_000) * 1e6 };
      call(by, ({ parts }) => cancelTask(parts, { tenant: tenantOf(id), id, reason: 'simulated', grace }, context()));
    },
    retry(by, n) {
      const id = taskAt(n);
      if (id === undefined) return;
      call(by, ({ parts }) => retryTask(parts, { tenant: tenantOf(id), id, life: 0 }, context()));
    },
    freezeOrchestrator(n) {
      const one = orchestratorAt(n);
      if (one === undefined) return;
      orchestratorsHurtAt = time.now;
      time.freeze(one.host);
    },
    thawOrchestrator(n) {
      const one = orchestratorAt(n);
      if (one?.host.state !== 'frozen') return;
      thawOne(one);
    },
    killOrchestrator(n) {
      const one = orchestratorAt(n);
      if (one === undefined) return;
      orchestratorsHurtAt = time.now;
      time.kill(one.host);
    },
    freezeWorker(n) {
      const one = workerAt(n);
      if (one === undefined) return;
      one.hurtAt = time.now;
      if (one.host.state === 'running') frozenSince.set(one.host.name, time.now);
      time.freeze(one.host);
    },
    thawWorker(n) {
      const one = workerAt(n);
      if (one !== undefined) thawWorker(one);
    },
    killWorker(n) {
      const one = workerAt(n);
      if (one === undefined) return;
      one.hurtAt = time.now;
      time.kill(one.host);
      one.cut();
    },
    cutWorker(n) {
      workerAt(n)?.cut();
    },
    hold(holding) {
      for (const one of workers) one.holding = holding;
    },
    postgresBecomes(mode) {
      if (postgres.mode === 'frozen') postgres.thaw();
      postgres.mode = mode;
      calmSince = mode === 'up' ? time.now : Infinity;
    },
    async advance(ms) {
      for (let left = ms; left > 0; left -= AUDIT_MS) {
        await time.advance(Math.min(left, AUDIT_MS));
        audit();
      }
    },
    heal() {
      if (postgres.mode !== 'up') world.postgresBecomes('up');
      if (redis.mode !== 'up') redis.become('up');
      for (const one of living()) {
        if (one.host.state !== 'frozen') continue;
        thawOne(one);
      }
      livingWorkers().forEach(thawWorker);
      if (living().length < plan.orchestrators) orchestratorsHurtAt = time.now;
      for (let n = living().length; n < plan.orchestrators; n += 1) addOrchestrator();
      for (const [index, wanted] of plan.workers.entries()) {
        const one = workers[index];
        if (one === undefined || one.host.state === 'dead') addWorker(wanted);
      }
    },
    async settle() {
      if (plan.backlog > 0) return judgeEnd();
      // Who was added is there.
      await world.advance(1);
      if (plan.ticketsJudged) {
        await world.advance(CALM_MS);
        await auditTickets();
        world.hold(false);
      }
      for (const one of workers) one.hurry();
      const isOpen = () => [...judge.tasks.values()].some(({ status }) => status !== 'finished');
      for (let waited = 0; isOpen() && waited < SETTLE_MS; waited += AUDIT_MS) await world.advance(AUDIT_MS);
      for (const [id, { status }] of judge.tasks) {
        if (status !== 'finished') violated(`${id} is still ${status} ${SETTLE_MS / 1_000} s after all was well again`);
      }
      judgeEnd();
    },
  };
  return world;
}

function taskId(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

function agentRecords(): readonly AgentRecord[] {
  return AGENTS.map((name) => ({
    name,
    version: '1',
    inputSchema: 'true',
    maxAttempts: 4,
    maxCrashes: name === 'echo' ? 1 : 3,
    retryBaseMs: 100,
    retryCapMs: 1_000,
    leaseMs: name === 'echo' ? 5_000 : 10_000,
    lastSeenAt: new Date(0),
  }));
}
