/** What may happen in a schedule, one thing after the other, as fast-check draws it. */
import fc from 'fast-check';
import type { RedisMode } from './servers/virtual-redis.ts';
import { AGENTS, TENANTS, type Plan, type Wanted, type World } from './world.ts';

/** What a command may ask for: as much as the drawn schedule itself knows. */
export type Drawn = { submitted: number; redis: RedisMode };

export type WorldCommand = fc.AsyncCommand<Drawn, World>;

export const COMMANDS_MAX = 20;
const TASKS_MAX = 30;

const seat = fc.nat(3);
const task = fc.nat(TASKS_MAX - 1);
/** Short waits are what races are made of; long ones let leases and time-outs pass. */
const pause = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 5, arbitrary: fc.integer({ min: 300, max: 2_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2_000, max: 12_000 }) },
);

const wanted: fc.Arbitrary<Wanted> = fc.record({
  agent: fc.constantFrom(...AGENTS),
  tenant: fc.constantFrom(...TENANTS),
  priority: fc.nat(3),
  dueInMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3_000) }),
  key: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constantFrom('a', 'b') }),
  work: fc.record({
    ms: fc.oneof(
      { weight: 6, arbitrary: fc.nat(400) },
      { weight: 2, arbitrary: fc.nat(4_000) },
      { weight: 3, arbitrary: fc.integer({ min: 6_000, max: 25_000 }) },
    ),
    ends: fc.oneof(
      { weight: 6, arbitrary: fc.constant('completes' as const) },
      { weight: 1, arbitrary: fc.constantFrom('fails' as const, 'fails for good' as const) },
    ),
  }),
});

function command(
  name: string,
  run: (world: World) => void | Promise<void>,
  model: (drawn: Drawn) => void = () => undefined,
  check: (drawn: Readonly<Drawn>) => boolean = () => true,
): WorldCommand {
  return {
    check,
    async run(drawn, world) {
      model(drawn);
      await run(world);
      // What it set off begins; nothing more.
      await world.time.advance(0);
    },
    toString: () => name,
  };
}

const isUp = ({ redis }: Readonly<Drawn>) => redis === 'up';
const hasTasks = ({ submitted }: Readonly<Drawn>) => submitted > 0;

const waits = pause.map((ms) => command(`wait ${ms} ms`, (world) => world.advance(ms)));

const submits = fc.tuple(seat, fc.array(wanted, { minLength: 1, maxLength: 5 })).map(([by, some]) =>
  command(
    `submit ${some.map((one) => JSON.stringify(one)).join(' ')} by ${by}`,
    (world) => some.forEach((one) => world.submit(by, one)),
    (drawn) => void (drawn.submitted += some.length),
    (drawn) => drawn.submitted + some.length <= TASKS_MAX,
  ),
);

const ends = [
  fc
    .tuple(seat, task, fc.constantFrom(0, 500, 10_000))
    .map(([by, n, graceMs]) =>
      command(`cancel task ${n}, ${graceMs} ms of grace`, (w) => w.cancel(by, n, graceMs), undefined, hasTasks),
    ),
  fc.tuple(seat, task).map(([by, n]) => command(`retry task ${n}`, (w) => w.retry(by, n), undefined, hasTasks)),
];

/** Something is wrong for a while; whoever is meant is the same one at its end. */
function outage(name: string, begin: (world: World) => void, end: (world: World) => void, ms: fc.Arbitrary<number>) {
  return ms.map((forMs) =>
    command(`${name} for ${forMs} ms`, async (world) => {
      begin(world);
      await world.advance(forMs);
      end(world);
    }),
  );
}

const briefly = fc.integer({ min: 50, max: 1_200 });
/** A term of the leader is over, a lease of a worker is not. */
const pastTheTerm = fc.integer({ min: 1_500, max: 4_000 });
/** Of the agent with the short lease, or of all. */
const pastTheLease = fc.oneof(fc.integer({ min: 3_500, max: 8_000 }), fc.integer({ min: 8_000, max: 15_000 }));

const orchestratorFaults = [
  ...[briefly, pastTheTerm].map((ms) =>
    seat.chain((n) =>
      outage(
        `orchestrator ${n} is frozen`,
        (w) => w.freezeOrchestrator(n),
        (w) => w.thawOrchestrator(n),
        ms,
      ),
    ),
  ),
  seat.map((n) => command(`freeze orchestrator ${n}`, (world) => world.freezeOrchestrator(n))),
  seat.map((n) => command(`thaw orchestrator ${n}`, (world) => world.thawOrchestrator(n))),
  seat.map((n) => command(`kill orchestrator ${n}`, (world) => world.killOrchestrator(n))),
];

const workerFaults = [
  ...[pastTheTerm, pastTheLease].map((ms) =>
    seat.chain((n) =>
      outage(
        `worker ${n} is frozen`,
        (w) => w.freezeWorker(n),
        (w) => w.thawWorker(n),
        ms,
      ),
    ),
  ),
  seat.map((n) => command(`freeze worker ${n}`, (world) => world.freezeWorker(n))),
  seat.map((n) => command(`thaw worker ${n}`, (world) => world.thawWorker(n))),
  seat.map((n) => command(`kill worker ${n}`, (world) => world.killWorker(n))),
  seat.map((n) => command(`cut the stream of worker ${n}`, (world) => world.cutWorker(n))),
];

const redisModes = (['away', 'frozen', 'full'] as const).flatMap((mode): fc.Arbitrary<WorldCommand>[] => [
  outage(
    `redis is ${mode}`,
    (w) => w.redis.become(mode),
    (w) => w.redis.become('up'),
    fc.oneof(briefly, pastTheTerm),
  ),
  fc.constant(
    command(
      `redis is ${mode} from now on`,
      (w) => w.redis.become(mode),
      (drawn) => void (drawn.redis = mode),
      isUp,
    ),
  ),
]);

const redisFaults = [
  ...redisModes,
  fc.constant(
    command(
      'redis is well',
      (w) => w.redis.become('up'),
      (drawn) => void (drawn.redis = 'up'),
      (drawn) => !isUp(drawn),
    ),
  ),
  fc.constant(command('redis forgets everything', (world) => world.redis.flush())),
  fc
    .constantFrom(0.3, 1)
    .map((chance) => command(`redis loses tickets (${chance})`, (w) => w.redis.loseTickets(chance), undefined, isUp)),
  fc.constant(command('a copy of redis is made', (world) => world.redis.keepCopy())),
  fc.constant(command('redis is as its copy', (world) => world.redis.restore())),
];

const postgresOutages = (
  [
    ['is away', 'away', fc.oneof(briefly, pastTheTerm)],
    ['is away', 'away', fc.integer({ min: 6_000, max: 14_000 })],
    ['is away', 'away', fc.integer({ min: 6_000, max: 14_000 })],
    ['is frozen', 'frozen', fc.oneof(briefly, pastTheTerm, pastTheLease)],
    ['is slow', 'slow', fc.oneof(briefly, pastTheTerm)],
    ['is slow', 'slow', pastTheTerm],
    ['loses answers', 'loses answers', fc.oneof(briefly, pastTheTerm)],
  ] as const
).map(([name, mode, ms]) =>
  outage(
    `postgres ${name}`,
    (w) => w.postgresBecomes(mode),
    (w) => w.postgresBecomes('up'),
    ms,
  ),
);

/** Answers that are on their way while something else happens. */
const postgresFaults = [
  ...postgresOutages,
  fc.constant(command('postgres is slow from now on', (world) => world.postgresBecomes('slow'))),
  fc.constant(command('postgres is slow from now on', (world) => world.postgresBecomes('slow'))),
  fc.constant(command('postgres is well', (world) => world.postgresBecomes('up'))),
];

/** Each as often as the others of its kind together say. */
function kind(weight: number, of: readonly fc.Arbitrary<WorldCommand>[]) {
  return { weight, arbitrary: fc.oneof(...of) };
}

const anything = fc.oneof(
  kind(8, [waits]),
  kind(6, [submits]),
  kind(1, ends),
  kind(3, redisFaults),
  kind(2, orchestratorFaults),
  kind(2, workerFaults),
  kind(2, postgresFaults),
);

/** `replayPath`: which of the drawn commands ran, after shrinking. */
export const schedules = fc.commands([anything], { maxCommands: COMMANDS_MAX, size: 'max', disableReplayLog: true });

const slots = fc.integer({ min: 1, max: 3 });

/** There is always somebody who has all the agents. */
const workers = fc
  .tuple(slots, fc.option(slots))
  .map(([first, second]) => [
    { agents: [...AGENTS], slots: first },
    ...(second === null ? [] : [{ agents: [AGENTS[0]], slots: second }]),
  ]);
const maxRunningPerTenant = fc.constantFrom(null, null, 2);

export const plans: fc.Arbitrary<Plan> = fc.oneof(
  {
    weight: 38,
    arbitrary: fc.record({
      orchestrators: fc.integer({ min: 1, max: 3 }),
      workers,
      maxRunningPerTenant,
      ticketsJudged: fc.constant(false),
      backlog: fc.constant(0),
    }),
  },
  // Where another process leads, a task for which two lanes stood in line has used its ticket up: the log lane finds it.
  {
    weight: 12,
    arbitrary: fc.record({
      orchestrators: fc.constant(1),
      workers,
      maxRunningPerTenant,
      ticketsJudged: fc.constant(true),
      backlog: fc.constant(0),
    }),
  },
  // More than a window holds.
  {
    weight: 1,
    arbitrary: fc.record({
      orchestrators: fc.constant(1),
      workers,
      maxRunningPerTenant,
      ticketsJudged: fc.constant(false),
      backlog: fc.constant(1_300),
    }),
  },
);
