/** One schedule: a world is drawn, hurt, healed and judged. The same seed is the same run. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import type { Logger } from '@morningai/service/logger';
import { plans, schedulesOf, type Drawn } from './commands.ts';
import { createRandom } from './random.ts';
import { createVirtualTime, type Order } from './virtual-time.ts';
import { createWorld } from './world.ts';

export type Outcome = {
  readonly seed: number;
  /** Empty: all of it holds. */
  readonly violations: readonly string[];
  /** What was done, made as short as it still fails; of a schedule that holds: nothing. */
  readonly steps: string;
  readonly virtualMs: number;
  /** In the log at the end; and what is the same only if all of it happened alike. */
  readonly events: number;
  readonly digest: string;
};

class Violated extends Error {
  readonly violations: readonly string[];
  constructor(violations: readonly string[]) {
    super(violations.join('\n'));
    this.violations = violations;
  }
}

const SILENT = new Proxy({} as Logger, { get: () => () => undefined });
/** Until a leader is there. */
const START_MS = 100;

/** Of most schedules. */
export const CHAPTERS = 1;

export type ScheduleOptions = {
  readonly seed: number;
  /** The more, the longer the schedule. */
  readonly chapters?: number;
  readonly logger?: Logger;
  /** A schedule that fails is made shorter while it still does. Default true. */
  readonly shrink?: boolean;
};

export async function runSchedule({
  seed,
  chapters = CHAPTERS,
  logger = SILENT,
  shrink = true,
}: ScheduleOptions): Promise<Outcome> {
  let virtualMs = 0;
  let events = 0;
  let digest = '';
  const property = fc.asyncProperty(
    plans,
    schedulesOf(chapters),
    fc.scheduler(),
    fc.nat(),
    async (plan, drawnChapters, scheduler, chance) => {
      const order: Order = {
        schedule: (task) => scheduler.schedule(task),
        count: () => scheduler.count(),
        waitNext: (count) => scheduler.waitNext(count),
      };
      const random = createRandom(chance);
      const time = createVirtualTime(order, random);
      using _ = time.install();
      const world = createWorld({ time, random, plan, logger });
      const { violations, violated } = world;
      try {
        await world.advance(START_MS);
        for (const { opening, commands, closing, ticketsJudged } of drawnChapters) {
          opening.forEach((wanted, n) => world.submit(n, wanted));
          const drawn: Drawn = { submitted: 0 };
          await fc.asyncModelRun(() => ({ model: drawn, real: world }), commands);
          await world.heal(closing);
          await world.settle(ticketsJudged);
          if (violations.length > 0) break;
        }
      } catch (error) {
        violated(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      virtualMs = time.now;
      events = world.events.length;
      digest = hash('sha256', JSON.stringify(world.events));
      if (violations.length > 0) throw new Violated(violations);
    },
  );
  const result = await fc.check(property, { seed: scattered(seed), numRuns: 1, endOnFailure: !shrink, unbiased: true });
  if (!result.failed) return { seed, violations: [], steps: '', virtualMs, events, digest };
  const { errorInstance, counterexample } = result;
  const violations = errorInstance instanceof Violated ? errorInstance.violations : [String(errorInstance)];
  const [plan, ran] = counterexample ?? [];
  return {
    seed,
    violations,
    steps: `${JSON.stringify(plan)}\n${(ran ?? []).map(({ commands }) => stepsOf(commands)).join('\nall is healed\n')}`,
    virtualMs,
    events,
    digest,
  };
}

/** Those that ran, a line each. */
function stepsOf(commands: unknown): string {
  return fc.stringify(commands).replaceAll(/,(?=[a-z])/g, '\n');
}

/** Seeds that follow each other must not begin alike. */
function scattered(seed: number): number {
  let mixed = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
