/**
 * What may happen in a schedule, one thing after the other, as fast-check draws it. A fault begins and what follows happens while it lasts:
 * faults meet each other, and the load. Each chapter has only some kinds of them, and those often: what is hurt in every way at once shows
 * less than what is hurt in a few.
 */
import fc from 'fast-check';
import { AGENTS, TENANTS, type Plan, type Wanted } from './plan.ts';
import type { Undo, World } from './world.ts';

/** What a command may ask for: as much as the drawn schedule itself knows. */
export type Drawn = { submitted: number };

export type WorldCommand = fc.AsyncCommand<Drawn, World>;

/** Then all is healed, and must come to its end. */
export type Chapter = {
  /** What there is to do from its beginning. */
  readonly opening: readonly Wanted[];
  readonly commands: Iterable<WorldCommand>;
  /** What comes while the last of its faults are not yet over. */
  readonly closing: readonly Wanted[];
  /** In its end all slots are held for a while, and who waits must have a ticket. */
  readonly ticketsJudged: boolean;
};

const COMMANDS_MAX = 44;
/** Of a chapter. */
const TASKS_MAX = 45;
const CLOSING_MAX = 6;
const ANSWERS_MAX = 25;

const seat = fc.nat(3);

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
    },
    toString: () => name,
  };
}

const hasTasks = ({ submitted }: Readonly<Drawn>) => submitted > 0;

// Load.

/** Short waits are what races are made of; long ones let leases and time-outs pass. */
const pause = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 6, arbitrary: fc.integer({ min: 300, max: 2_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 2_000, max: 7_000 }) },
);
const waits = pause.map((ms) => command(`wait ${ms} ms`, (world) => world.advance(ms)));

const TAKES = {
  'a moment': fc.nat(400),
  seconds: fc.integer({ min: 400, max: 5_000 }),
  'longer than a lease': fc.integer({ min: 6_000, max: 25_000 }),
} as const;

/**
 * The first tasks of a chapter: a fault that finds nobody at work shows little; those that come together later; and how often they do. Where
 * they are scarce slots stay free, and somebody might get what he should not.
 */
const LOADS = {
  scarce: { least: 1, most: 3, together: 1, weight: 12 },
  moderate: { least: 3, most: 12, together: 4, weight: 30 },
  bursts: { least: 3, most: 12, together: 20, weight: 30 },
} as const;

/** How the tasks of a chapter are: weights of what they take, how they end, and what makes them wait. */
const flavours = fc.record({
  takes: fc.constantFrom<readonly (keyof typeof TAKES)[]>(
    ['a moment'],
    ['a moment', 'seconds'],
    ['a moment', 'longer than a lease'],
    ['longer than a lease'],
    ['seconds', 'longer than a lease'],
    ['longer than a lease'],
  ),
  fail: fc.constantFrom(0, 1, 4),
  keyed: fc.constantFrom(0, 0, 3, 9),
  later: fc.constantFrom(0, 1, 1),
  load: fc.constantFrom<keyof typeof LOADS>('scarce', 'moderate', 'bursts'),
});
type Flavour = typeof flavours extends fc.Arbitrary<infer F> ? F : never;

function wanted({ takes, fail, keyed, later }: Flavour): fc.Arbitrary<Wanted> {
  return fc.record({
    agent: fc.constantFrom(...AGENTS),
    tenant: fc.constantFrom(...TENANTS),
    priority: fc.nat(3),
    dueInMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: later, arbitrary: fc.nat(3_000) }),
    key: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: keyed, arbitrary: fc.constantFrom('a', 'b') }),
    work: fc.record({
      ms: fc.oneof(...takes.map((one) => TAKES[one])),
      ends: fc.oneof(
        { weight: 5, arbitrary: fc.constant('completes' as const) },
        { weight: fail, arbitrary: fc.constantFrom('fails' as const, 'fails' as const, 'fails for good' as const) },
      ),
    }),
  });
}

function submits(flavour: Flavour): fc.Arbitrary<WorldCommand> {
  return fc
    .tuple(seat, fc.array(wanted(flavour), { minLength: 1, maxLength: LOADS[flavour.load].together }))
    .map(([by, some]) =>
      command(
        `submit ${some.map((one) => JSON.stringify(one)).join(' ')} by ${by}`,
        (world) => some.forEach((one) => world.submit(by, one)),
        (drawn) => void (drawn.submitted += some.length),
        (drawn) => drawn.submitted + some.length <= TASKS_MAX,
      ),
    );
}

const task = fc.nat(TASKS_MAX - 1);
const cancels = fc
  .tuple(seat, task, fc.constantFrom(0, 500, 10_000))
  .map(([by, n, graceMs]) =>
    command(`cancel task ${n}, ${graceMs} ms of grace`, (w) => w.cancel(by, n, graceMs), undefined, hasTasks),
  );
const retries = fc
  .tuple(seat, task)
  .map(([by, n]) => command(`retry task ${n}`, (w) => w.retry(by, n), undefined, hasTasks));

// Faults.

const briefly = fc.integer({ min: 50, max: 1_200 });
/** A term of the leader is over, a lease of a worker is not. */
const pastTheTerm = fc.integer({ min: 1_400, max: 4_000 });
/** About as long as the lease of an agent, and what was left of it: just before it is over, or just after. */
const aboutALease = fc.oneof(fc.integer({ min: 3_500, max: 8_000 }), fc.integer({ min: 8_000, max: 13_000 }));

/** Two thirds strike between two moments, the others after so many answers: in the middle of whatever goes on. */
const struck = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: ANSWERS_MAX }) },
);

/** Something is wrong for a while. */
function fault(name: string, begin: (world: World, n: number) => Undo, ms: fc.Arbitrary<number>) {
  return fc.tuple(seat, ms, struck).map(([n, forMs, answers]) =>
    command(`${answers} answers, then ${name.replace('#', String(n))} for ${forMs} ms`, async (world) => {
      await world.answers(answers);
      world.hurt(() => begin(world, n), forMs);
    }),
  );
}

/** Something happens, and is over at once. */
function blow(name: string, run: (world: World, n: number) => void) {
  return fc.tuple(seat, struck).map(([n, answers]) =>
    command(`${answers} answers, then ${name.replace('#', String(n))}`, async (world) => {
      await world.answers(answers);
      run(world, n);
    }),
  );
}

type Kinds = readonly fc.Arbitrary<WorldCommand>[];

const REDIS: Kinds = [
  fault('redis is away', (w) => w.redisBecomes('away'), fc.oneof(briefly, pastTheTerm, aboutALease)),
  fault('redis is frozen', (w) => w.redisBecomes('frozen'), fc.oneof(briefly, pastTheTerm)),
  fault('redis is full', (w) => w.redisBecomes('full'), fc.oneof(briefly, pastTheTerm)),
  blow('redis forgets everything', (w) => w.redis.flush()),
  blow('redis loses some tickets', (w) => w.redis.loseTickets(0.3)),
  blow('redis loses all tickets', (w) => w.redis.loseTickets(1)),
  fc.oneof(
    blow('a copy of redis is made', (w) => w.redis.keepCopy()),
    blow('redis is as its copy', (w) => w.redis.restore()),
  ),
];

const ORCHESTRATORS: Kinds = [
  fault('orchestrator # is frozen', (w, n) => w.freezeOrchestrator(n), briefly),
  fault('orchestrator # is frozen', (w, n) => w.freezeOrchestrator(n), pastTheTerm),
  fault('orchestrator # is dead', (w, n) => w.killOrchestrator(n), fc.oneof(briefly, pastTheTerm, aboutALease)),
  fault('orchestrator # finds no postgres', (w, n) => w.cutOff(n, 'away'), fc.oneof(briefly, pastTheTerm)),
  fault('orchestrator # has a slow way to postgres', (w, n) => w.cutOff(n, 'slow'), fc.oneof(pastTheTerm, aboutALease)),
  fault('orchestrator # hears nothing of postgres', (w, n) => w.cutOff(n, 'frozen'), fc.oneof(briefly, pastTheTerm)),
];

const WORKERS: Kinds = [
  fault(
    'worker # is frozen',
    (w, n) => w.freezeWorker(n, 'busy'),
    fc.oneof({ weight: 1, arbitrary: pastTheTerm }, { weight: 4, arbitrary: aboutALease }),
  ),
  fault('worker # with a free slot is frozen', (w, n) => w.freezeWorker(n, 'free'), aboutALease),
  fault('worker # is dead', (w, n) => w.killWorker(n), fc.oneof(briefly, pastTheTerm)),
  blow('the stream of worker # breaks', (w, n) => w.cutWorker(n)),
];

const POSTGRES: Kinds = [
  fault('postgres is away', (w) => w.postgresBecomes('away'), fc.oneof(briefly, pastTheTerm)),
  fault('postgres is away', (w) => w.postgresBecomes('away'), aboutALease),
  fault('postgres is frozen', (w) => w.postgresBecomes('frozen'), fc.oneof(briefly, pastTheTerm, aboutALease)),
  fault('postgres is slow', (w) => w.postgresBecomes('slow'), fc.oneof(briefly, pastTheTerm, aboutALease)),
  fault('postgres loses answers', (w) => w.postgresBecomes('loses answers'), fc.oneof(briefly, pastTheTerm)),
];

const CALLERS: Kinds = [cancels, retries];

/** Whose faults a chapter has, and of each some. */
const swarms = fc
  .subarray([REDIS, ORCHESTRATORS, WORKERS, POSTGRES], { minLength: 1, maxLength: 3 })
  .chain((of) => fc.tuple(...of.map((kinds) => fc.subarray([...kinds], { minLength: 1 }))));

function kind(weight: number, of: Kinds) {
  return { weight, arbitrary: fc.oneof(...of) };
}

const chapter: fc.Arbitrary<Chapter> = fc
  .tuple(swarms, flavours, fc.constantFrom(0, 6, 12), fc.constantFrom(18, 48), fc.constantFrom(false, false, true))
  .chain(([swarm, flavour, ends, often, ticketsJudged]) => {
    const { least, most, weight } = LOADS[flavour.load];
    const anything = fc.oneof(
      kind(42, [waits]),
      kind(weight, [submits(flavour)]),
      kind(ends, CALLERS),
      ...swarm.map((kinds) => kind(often / swarm.length, kinds)),
    );
    return fc.record({
      opening: fc.array(wanted(flavour), { minLength: least, maxLength: most }),
      commands: fc.commands([anything], { maxCommands: COMMANDS_MAX, size: 'max', disableReplayLog: true }),
      closing: fc.array(wanted(flavour), { maxLength: CLOSING_MAX, size: 'max' }),
      ticketsJudged: fc.constant(ticketsJudged),
    });
  });

export function schedulesOf(chapters: number): fc.Arbitrary<readonly Chapter[]> {
  return fc.array(chapter, { minLength: chapters, maxLength: chapters });
}

const slots = fc.integer({ min: 1, max: 4 });

/** There is always somebody who has all the agents; most often somebody else has them, too. */
const workers = fc
  .tuple(
    fc.record({ agents: fc.constant(AGENTS), slots }),
    fc.array(fc.record({ agents: fc.constantFrom(AGENTS, AGENTS, AGENTS.slice(1)), slots }), {
      maxLength: 2,
      size: 'max',
    }),
  )
  .map(([first, others]) => [first, ...others]);

const maxCrashes = fc.constantFrom(1, 3);
const LARGE = { most: 20_000, least: 1_000 } as const;

const anyPlan = fc.record({
  orchestrators: fc.integer({ min: 1, max: 3 }),
  workers,
  maxRunningPerTenant: fc.constantFrom(null, null, 2),
  // A small one is often full.
  window: fc.constantFrom(LARGE, { most: 8, least: 4 }, { most: 4, least: 2 }),
  maxCrashes,
});

/** Of few others the tickets can be judged. */
const ticketPlan = fc.record({
  orchestrators: fc.constant(1),
  workers,
  maxRunningPerTenant: fc.constant(null),
  window: fc.constant(LARGE),
  maxCrashes,
});

export const plans: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 2, arbitrary: anyPlan },
  { weight: 1, arbitrary: ticketPlan },
);
