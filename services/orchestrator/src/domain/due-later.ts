/**
 * Tasks that will be due soon, by the time at which they are: so that nobody scans for them. Bounded, also in time, so that tasks of next
 * month leave room for the retries of this second; what finds no room is found by the next look into Postgres. Pure.
 */

/** Each is an id of 36 characters and its place: 20 MB at most. */
export const DUE_LATER_MAX = 100_000;
/** Tasks due within the same slice are told together: at most so late. */
const SLICE_MS = 20;

export type DueLater = {
  readonly size: number;
  /** @param inMs how long after `now`, of a monotonic clock, it is due */
  add(taskId: string, inMs: number, now: number): void;
  /** Takes out what is due by now. */
  takeDue(now: number): string[];
  clear(): void;
};

/** @param horizonMs what is due after that is not kept */
export function createDueLater(horizonMs: number, tasksMax = DUE_LATER_MAX): DueLater {
  const slices = new Map<number, string[]>();
  let size = 0;
  let first = Infinity;

  return {
    get size() {
      return size;
    },
    add(taskId, inMs, now) {
      if (size >= tasksMax || inMs > horizonMs) return;
      const slice = Math.ceil((now + inMs) / SLICE_MS);
      const tasks = slices.get(slice);
      if (tasks === undefined) slices.set(slice, [taskId]);
      else tasks.push(taskId);
      first = Math.min(first, slice);
      size += 1;
    },
    takeDue(now) {
      const current = Math.floor(now / SLICE_MS);
      if (current < first) return [];
      const over: number[] = [];
      first = Infinity;
      for (const slice of slices.keys()) {
        if (slice <= current) over.push(slice);
        else first = Math.min(first, slice);
      }
      const due = over.toSorted((a, b) => a - b).flatMap((slice) => slices.get(slice) ?? []);
      for (const slice of over) slices.delete(slice);
      size -= due.length;
      return due;
    },
    clear() {
      slices.clear();
      size = 0;
      first = Infinity;
    },
  };
}
