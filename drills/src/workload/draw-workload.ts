import { HOST_AGENT } from '../drill-hosts.ts';
import type { CallerScript, Next } from './caller-script.ts';

export type WorkloadOptions = {
  /** Callers; each has one task. */
  readonly callers: number;
  /** They come within this time, a quarter of them at once. */
  readonly forMs: number;
  /** 0 to 1, the same for the same seed. */
  readonly random: () => number;
};

type Kind = {
  readonly weight: number;
  /** @param between a whole number from the first to the second */
  draw(between: Between): Omit<CallerScript, 'name' | 'atMs' | 'next'> & { readonly next?: readonly Next[] };
};
type Between = (least: number, most: number) => number;

const ECHO = 'echo';
const SECOND_MS = 1_000;

const KINDS: readonly Kind[] = [
  {
    weight: 30,
    draw: (between) => ({ agent: ECHO, input: { delayMs: between(0, 300), steps: between(0, 3) } }),
  },
  {
    weight: 30,
    draw: (between) => ({
      agent: HOST_AGENT,
      input: { workMs: between(100, 2_000), effectMs: between(0, 1) * between(0, 2_000) },
    }),
  },
  {
    // The system tries again by itself.
    weight: 8,
    draw: (between) => ({ agent: ECHO, input: { failTimes: between(1, 3), steps: 1 } }),
  },
  {
    // It fails for good, and its caller opens its next life.
    weight: 8,
    draw: () => ({ agent: ECHO, input: { failTimes: 1 }, maxAttempts: 1, next: [{ do: 'retry' }, { do: 'watch' }] }),
  },
  {
    weight: 8,
    draw: (between) => ({
      agent: between(0, 1) === 0 ? ECHO : HOST_AGENT,
      input: { delayMs: 700, workMs: 1_500 },
      next: [{ do: 'cancel', afterMs: between(0, SECOND_MS), graceMs: between(0, SECOND_MS) }, { do: 'watch' }],
    }),
  },
  { weight: 5, draw: (between) => ({ agent: ECHO, input: {}, dueInMs: between(300, 2_000) }) },
  {
    weight: 5,
    draw: (between) => ({
      agent: ECHO,
      input: { delayMs: 100 },
      dueInMs: between(0, 500),
      expiresInMs: between(600, 3_000),
    }),
  },
  { weight: 6, draw: (between) => ({ agent: ECHO, input: { delayMs: between(10, 200) }, isOneAtATime: true }) },
];

const ALSO: readonly { readonly share: number; draw(between: Between): readonly Next[] }[] = [
  { share: 0.15, draw: (between) => [{ do: 'repeat', afterMs: between(0, SECOND_MS) }] },
  { share: 0.05, draw: (between) => [{ do: 'other', afterMs: between(0, SECOND_MS) }] },
  { share: 0.25, draw: () => [{ do: 'watch' }] },
];

/** Pure. */
export function drawWorkload({ callers, forMs, random }: WorkloadOptions): readonly CallerScript[] {
  const between: Between = (least, most) => least + Math.floor(random() * (most - least + 1));
  const scripts = Array.from({ length: callers }, (_, index): CallerScript => {
    const { next = [], ...task } = drawKind(random).draw(between);
    const also = ALSO.filter(({ share }) => random() < share).flatMap(({ draw }) => draw(between));
    return {
      name: `c${index}`,
      atMs: random() < 0.25 ? 0 : between(0, forMs),
      ...task,
      priority: between(0, 3),
      next: [...also.filter(({ do: what }) => what !== 'watch' || next.length === 0), ...next],
    };
  });
  return scripts.toSorted((a, b) => a.atMs - b.atMs);
}

function drawKind(random: () => number): Kind {
  const total = KINDS.reduce((sum, { weight }) => sum + weight, 0);
  let left = random() * total;
  for (const kind of KINDS) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new RangeError('random must be below 1');
}
