/** Since when nothing is wrong with whom: a promise that has a time counts it from there. */
export type Calm = {
  /** Something is wrong with it from now on. Twice is until both are over. */
  hurt(name: string): void;
  mended(name: string): void;
  /** Something happened to it, and is over. */
  touched(name: string): void;
  /** Infinity: something is wrong. */
  wellSince(name: string): number;
  /** Infinity: nothing is wrong. */
  hurtSince(name: string): number;
};

type Condition = { hurts: number; hurtAt: number; touchedAt: number };

/** @param now ms */
export function createCalm(now: () => number): Calm {
  const conditions = new Map<string, Condition>();

  const of = (name: string) => {
    const known = conditions.get(name) ?? { hurts: 0, hurtAt: Infinity, touchedAt: -Infinity };
    conditions.set(name, known);
    return known;
  };

  const change = (name: string, by: -1 | 0 | 1) => {
    const condition = of(name);
    condition.touchedAt = now();
    condition.hurts += by;
    condition.hurtAt = condition.hurts === 0 ? Infinity : Math.min(condition.hurtAt, now());
  };

  return {
    hurt: (name) => change(name, 1),
    mended: (name) => change(name, -1),
    touched: (name) => change(name, 0),
    wellSince: (name) => (of(name).hurts > 0 ? Infinity : of(name).touchedAt),
    hurtSince: (name) => of(name).hurtAt,
  };
}
