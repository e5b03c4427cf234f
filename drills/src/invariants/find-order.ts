/** Is there an order in which all of these could have happened one after the other? (Wing and Gong's search, with a memory.) */

export type Seen<T> = {
  /** It took effect at one moment between the two. */
  readonly invokedAt: number;
  readonly endedAt: number;
  readonly what: T;
};

/** A task has a handful of acknowledged steps; a set of them is a mask of bits. */
const SEEN_MAX = 16;

/**
 * @param apply what it makes of the state; undefined: it cannot happen then
 * @returns the order, as indexes; undefined: there is none
 */
export function findOrder<State, T>(
  seen: readonly Seen<T>[],
  initial: State,
  apply: (state: State, what: T) => State | undefined,
): readonly number[] | undefined {
  if (seen.length > SEEN_MAX) throw new RangeError(`a search is over at most ${SEEN_MAX}`);
  const dead = new Set<string>();
  const search = (state: State, done: number): readonly number[] | undefined => {
    const left = seen.flatMap((one, index) => ((done >> index) & 1 ? [] : [{ ...one, index }]));
    if (left.length === 0) return [];
    const place = `${done} ${JSON.stringify(state)}`;
    if (dead.has(place)) return undefined;
    // Whoever was asked for after another had ended cannot come before it.
    const firstEnd = Math.min(...left.map(({ endedAt }) => endedAt));
    for (const { index, invokedAt, what } of left) {
      if (invokedAt > firstEnd) continue;
      const next = apply(state, what);
      if (next === undefined) continue;
      const rest = search(next, done | (1 << index));
      if (rest !== undefined) return [index, ...rest];
    }
    dead.add(place);
    return undefined;
  };
  return search(initial, 0);
}
