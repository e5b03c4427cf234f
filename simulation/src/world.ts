/**
 * A whole dispatching system in one thread: orchestrators of shipped code, workers, Postgres and Redis, on one virtual clock. It can be hurt
 * and healed; watch.ts looks whether its promises hold.
 */
import { cancelTask } from '@morningai/orchestrator/rpc/cancel-task';
import { retryTask } from '@morningai/orchestrator/rpc/retry-task';
import { submitTasks } from '@morningai/orchestrator/rpc/submit-tasks';
import type { Logger } from '@morningai/service/logger';
import { createCalm } from './calm.ts';
import { startOrchestrator, type SimulatedOrchestrator } from './orchestrator.ts';
import { agentRecords, type Plan, type Wanted } from './plan.ts';
import { createVirtualPostgres, type PostgresMode } from './servers/virtual-postgres.ts';
import { createVirtualRedis, type RedisMode, type VirtualRedis } from './servers/virtual-redis.ts';
import type { Host, VirtualTime } from './virtual-time.ts';
import { AUDIT_MS, createWatch } from './watch.ts';
import { startWorker, type SimulatedWorker } from './worker.ts';

/** Ends what was begun; more than once is no more. */
export type Undo = () => void;

export type World = {
  readonly violations: readonly string[];
  violated(text: string): void;
  readonly redis: VirtualRedis;
  /** In the log. */
  readonly events: readonly unknown[];
  submit(by: number, wanted: Wanted): void;
  /** @param task 0 is the newest */
  cancel(by: number, task: number, graceMs: number): void;
  retry(by: number, task: number): void;
  freezeOrchestrator(n: number): Undo;
  /** Its end is another that starts in its place. */
  killOrchestrator(n: number): Undo;
  /** Something is wrong between this one and Postgres. */
  cutOff(n: number, mode: PostgresMode): Undo;
  /** @param whom those that work on something, or those that have a slot left; if there are any */
  freezeWorker(n: number, whom: 'busy' | 'free'): Undo;
  /** Its end is another that starts in its place. */
  killWorker(n: number): Undo;
  cutWorker(n: number): void;
  postgresBecomes(mode: PostgresMode): Undo;
  redisBecomes(mode: RedisMode): Undo;
  /** Begins something that ends after so long, or when all is healed. */
  hurt(begin: () => Undo, forMs: number): void;
  advance(ms: number): Promise<void>;
  /** Until so many answers have come. */
  answers(count: number): Promise<void>;
  /** Waits for the end of all that was begun. @param wanted what is submitted meanwhile, one after the other */
  heal(wanted: readonly Wanted[]): Promise<void>;
  /** Until all is done, and what must hold then. @param ticketsJudged first all slots are held for a while, and who waits must have a ticket */
  settle(ticketsJudged: boolean): Promise<void>;
};

const SETTLE_MS = 90_000;
const CALL_MS = 10_000;
/** Answers come at once or after a while: what is waited for is not far away. */
const ANSWERS_WITHIN_MS = 1_000;

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
  const outages = new Set<Undo>();
  const calm = createCalm(() => time.now);
  let hosts = 0;
  let lastEndsAt = 0;

  const watch = createWatch({ time, plan, calm, orchestrators, workers });
  const { judge } = watch;
  const { violated } = judge;
  const postgres = createVirtualPostgres({ time, random, onAccepted: judge.read });
  const redis = createVirtualRedis({ time, random, onMark: watch.onMark, onOffer: watch.onOffer });
  const agents = agentRecords(plan);

  const addOrchestrator = () => {
    const host = time.createHost(`orchestrator-${(hosts += 1)}`);
    calm.touched('orchestrators');
    time.post(host, () => {
      const { maxRunningPerTenant, window } = plan;
      const onBug = watch.onBug;
      orchestrators.push(
        startOrchestrator({ host, postgres, redis, agents, maxRunningPerTenant, window, logger, onBug }),
      );
      calm.touched(host.name);
    });
  };

  const addWorker = ({ agents: offered, slots }: Plan['workers'][number]) => {
    const host = time.createHost(`worker-${(hosts += 1)}`);
    time.post(host, () => {
      const { onAssigned, onAcknowledged, onOverfull } = watch;
      const parts = { time, host, agents: offered, slots, orchestrators: living };
      workers.push(startWorker({ ...parts, onAssigned, onAcknowledged, onOverfull }));
    });
  };

  const living = () => orchestrators.filter(({ host }) => host.state !== 'dead');
  const livingWorkers = () => workers.filter(({ host }) => host.state !== 'dead');
  /** To hurt those that work on something shows more; or, of what they are given, those that could work on more. */
  const hurtable = (whom: 'busy' | 'free' = 'busy') => {
    const running = [...judge.tasks.values()].filter(({ status }) => status === 'running');
    const all = livingWorkers().filter(({ host }) => host.state === 'running');
    const some = all.filter(({ host, slots }) => {
      const tasks = running.filter(({ worker }) => worker === host.name).length;
      return whom === 'busy' ? tasks > 0 : tasks < slots;
    });
    return some.length > 0 ? some : all;
  };
  const taskAt = (n: number) => asked.at(-1 - (n % Math.max(1, asked.length)));
  const tenantOf = (id: string) => judge.tasks.get(id)?.tenant ?? '';
  const context = () => ({ signal: new AbortController().signal, deadline: new Date(Date.now() + CALL_MS) });

  for (let n = 0; n < plan.orchestrators; n += 1) addOrchestrator();
  plan.workers.forEach(addWorker);

  /** As this orchestrator; what it refuses is the caller's affair. */
  const call = (by: number, run: (one: SimulatedOrchestrator) => Promise<unknown>) => {
    const one = seatOf(living(), by);
    if (one === undefined) return;
    time.post(one.host, () => void run(one).catch((error: unknown) => isBug(error) && watch.onBug(error)));
  };

  /** Something is wrong with it until its end, which is told to those who count from there. */
  const wrong = (names: readonly string[], begin: () => void, end: () => void): Undo => {
    let isOver = false;
    names.forEach(calm.hurt);
    begin();
    return () => {
      if (isOver) return;
      isOver = true;
      names.forEach(calm.mended);
      end();
    };
  };

  const freeze = (host: Host, names: readonly string[]): Undo => {
    if (host.state !== 'running') return nothing;
    return wrong(
      names,
      () => time.freeze(host),
      () => time.thaw(host),
    );
  };

  const world: World = {
    violations: judge.violations,
    violated,
    redis,
    events: postgres.tables.events,
    submit(by, { agent, tenant, priority, dueInMs, key, work }) {
      const id = taskId(asked.length);
      asked.push(id);
      watch.onAsked(id);
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
        const result = results[0]?.result;
        if (result?.$case === 'accepted') watch.onAccepted(id);
        else if (result?.value.code === 'INTERNAL') watch.onBug(new Error(result.value.message));
      });
    },
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
      const one = seatOf(living(), n);
      return one === undefined ? nothing : freeze(one.host, [one.host.name, 'orchestrators']);
    },
    killOrchestrator(n) {
      const one = seatOf(living(), n);
      if (one === undefined) return nothing;
      return wrong(['orchestrators'], () => time.kill(one.host), addOrchestrator);
    },
    cutOff(n, mode) {
      const one = seatOf(living(), n);
      if (one === undefined) return nothing;
      return wrong(
        [one.host.name, 'orchestrators'],
        () => postgres.becomeFor(one.host, mode),
        () => postgres.becomeFor(one.host, null),
      );
    },
    freezeWorker(n, whom) {
      const one = seatOf(hurtable(whom), n);
      return one === undefined ? nothing : freeze(one.host, [one.host.name]);
    },
    killWorker(n) {
      const one = seatOf(hurtable(), n);
      if (one === undefined) return nothing;
      const kill = () => {
        time.kill(one.host);
        one.cut();
      };
      return wrong([one.host.name], kill, () => addWorker(one));
    },
    cutWorker: (n) => seatOf(hurtable(), n)?.cut(),
    postgresBecomes(mode) {
      if (postgres.mode !== 'up') return nothing;
      return wrong(
        ['postgres'],
        () => postgres.become(mode),
        () => postgres.become('up'),
      );
    },
    redisBecomes(mode) {
      if (redis.mode !== 'up') return nothing;
      return wrong(
        ['redis'],
        () => redis.become(mode),
        () => redis.become('up'),
      );
    },
    hurt(begin, forMs) {
      const undo = begin();
      outages.add(undo);
      lastEndsAt = Math.max(lastEndsAt, time.now + forMs);
      void time.sleep(forMs).then(undo);
    },
    async advance(ms) {
      for (let left = ms; left > 0; left -= AUDIT_MS) {
        await time.advance(Math.min(left, AUDIT_MS));
        watch.audit(postgres, redis);
      }
    },
    async answers(count) {
      if (count > 0) await time.answers(count, ANSWERS_WITHIN_MS);
    },
    async heal(wanted) {
      const pauseMs = (lastEndsAt - time.now) / (wanted.length + 1);
      for (const [by, one] of wanted.entries()) {
        await world.advance(pauseMs);
        world.submit(by, one);
      }
      await world.advance(lastEndsAt + 1 - time.now);
    },
    async settle(ticketsJudged) {
      if (ticketsJudged) {
        for (const one of workers) one.behave('holding');
        await watch.auditTickets(world, postgres, redis);
      }
      for (const one of workers) one.behave('hurrying');
      const isOpen = () => [...judge.tasks.values()].some(({ status }) => status !== 'finished');
      for (let waited = 0; isOpen() && waited < SETTLE_MS; waited += AUDIT_MS) await world.advance(AUDIT_MS);
      watch.judgeEnd(SETTLE_MS);
      for (const one of workers) one.behave('as told');
    },
  };
  return world;
}

const nothing: Undo = () => undefined;

/** Whoever sits there. */
function seatOf<T>(all: readonly T[], n: number): T | undefined {
  return all[n % Math.max(1, all.length)];
}

function taskId(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
