/** What an outage did to a stream of completions. Pure; times in ms, in order. */

const SECOND = 1_000;
const STEP = 50;

/** The longest time without a completion of which a part lies between the two times. */
export function longestGap(times: readonly number[], from: number, to: number): number {
  const last = times.findLast((time) => time < from) ?? from;
  const inside = times.filter((time) => time >= from && time <= to);
  const next = times.find((time) => time > to) ?? to;
  const marks = [last, ...inside, next];
  return Math.max(...marks.map((time, index) => time - (marks[index - 1] ?? time)));
}

/** Completions per second between the two times. */
export function goodput(times: readonly number[], from: number, to: number): number {
  return (times.filter((time) => time >= from && time < to).length * SECOND) / (to - from);
}

export type Dip = {
  /** Until the first second begins that has at least the share, s; null: none has. */
  readonly backAfterS: number | null;
  /** The worst second that begins before `to`, per second. */
  readonly lowestPerSecond: number;
};

/** Second by second, a new one every 50 ms from `from` on; the last one ends at `to`. */
export function dip(
  times: readonly number[],
  { from, to, wantedPerSecond }: { readonly from: number; readonly to: number; readonly wantedPerSecond: number },
): Dip {
  const begins = Array.from({ length: Math.floor((to - from - SECOND) / STEP) + 1 }, (_, index) => from + index * STEP);
  const seconds = begins.map((begin) => goodput(times, begin, begin + SECOND));
  const back = seconds.findIndex((perSecond) => perSecond >= wantedPerSecond);
  return { backAfterS: back < 0 ? null : (back * STEP) / SECOND, lowestPerSecond: Math.min(...seconds) };
}
