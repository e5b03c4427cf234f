/** Of a seed, a schedule. Pure: the same seed is the same schedule, wherever and whenever. */
import type { Nemesis, Target } from '../nemeses/nemesis.ts';
import { createRandom } from '../random.ts';
import type { CallerScript } from '../workload/caller-script.ts';
import { drawWorkload } from '../workload/draw-workload.ts';

export type PlannedFault = {
  readonly nemesis: Nemesis;
  /** ms after the schedule began. */
  readonly atMs: number;
  readonly forMs: number;
  /** For what it draws itself. */
  readonly seed: number;
};

export type Schedule = {
  readonly seed: number;
  readonly faults: readonly PlannedFault[];
  readonly callers: readonly CallerScript[];
};

export type DrawOptions = {
  /** Tasks of a schedule, each with a caller of its own. */
  readonly callers: number;
};

export const SEED_MAX = 2 ** 32 - 1;

const FAULTS_MAX = 4;
/** So often each is chosen, whatever the number of its nemeses. */
const SHARES: Readonly<Record<Target, number>> = {
  redis: 5,
  postgres: 4,
  hosts: 4,
  nats: 3,
  orchestrator: 2,
  agents: 1,
  ingest: 1,
  health: 1,
};
const FREQUENT = 3;
/** The load is under way, and not yet over. */
const FIRST_MS = 500;
const STARTS_WITHIN_MS = 4_000;
const LOAD_AFTER_MS = 1_000;
const LOAD_MS = 5_000;

export function drawSchedule(seed: number, nemeses: readonly Nemesis[], { callers }: DrawOptions): Schedule {
  const random = createRandom(seed);
  const faults = drawFaults(nemeses, random);
  const over = Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs));
  const forMs = Math.max(LOAD_MS, over + LOAD_AFTER_MS);
  return { seed, faults, callers: drawWorkload({ callers, forMs, random }) };
}

function drawFaults(nemeses: readonly Nemesis[], random: () => number): readonly PlannedFault[] {
  const wanted = 1 + Math.floor(random() * FAULTS_MAX);
  const faults: PlannedFault[] = [];
  while (faults.length < wanted) {
    const free = nemeses.filter(({ target }) => !faults.some(({ nemesis }) => nemesis.target === target));
    const target = pick([...new Set(free.map((nemesis) => nemesis.target))], (one) => SHARES[one], random);
    const own = free.filter((nemesis) => nemesis.target === target);
    const nemesis = pick(own, ({ isFrequent }) => (isFrequent ? FREQUENT : 1), random);
    if (nemesis === undefined) break;
    const forMs = drawDuration(nemesis.lastsMs, random);
    // What lasts long begins early: a schedule has an end.
    const startsWithinMs = Math.max(500, STARTS_WITHIN_MS - forMs / 2);
    const atMs = Math.round(FIRST_MS + random() * startsWithinMs);
    faults.push({ nemesis, atMs, forMs, seed: Math.floor(random() * SEED_MAX) });
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

/** Half of them about as long as they may be: what takes time to be noticed is noticed. */
function drawDuration([least, most]: Nemesis['lastsMs'], random: () => number): number {
  const from = random() < 0.5 ? least : least + 0.75 * (most - least);
  return Math.round(from + random() * (most - from));
}

function pick<T>(all: readonly T[], weightOf: (one: T) => number, random: () => number): T | undefined {
  let left = random() * all.reduce((sum, one) => sum + weightOf(one), 0);
  return all.find((one) => (left -= weightOf(one)) < 0);
}
