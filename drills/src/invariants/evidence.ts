/** What a schedule is judged by: the history, and what the system says when all is over. Values only. */
import type { Operation } from '../history/operations.ts';

/** An event, as the log has it. */
export type LogFact = {
  readonly position: number;
  readonly stream: string;
  readonly tenant: string;
  readonly version: number;
  readonly life: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** By Postgres' clock, ms since 1970. */
  readonly recordedAtMs: number;
};

/** A message of the feed, as JetStream has it. */
export type FeedMessage = { readonly position: number; readonly stream: string; readonly type: string };

/** What one process, or Redis, uses. */
export type Usage = { readonly of: string; readonly what: string; readonly value: number; readonly max: number };

/** An attempt may have lost its lease between these times, by Postgres' clock: its worker or its orchestrator was hurt. */
export type Excuse = { readonly fromMs: number; readonly toMs: number };

export type Evidence = {
  /** All keys of this schedule begin so. */
  readonly prefix: string;
  /** Nobody else submits to this stack. */
  readonly alone: boolean;
  readonly operations: readonly Operation[];
  /** The log behind the position at which the schedule began, to its head. */
  readonly from: number;
  readonly events: readonly LogFact[];
  /** The same as it was read once before, under load. */
  readonly earlier: readonly LogFact[];
  /** When the last fault was healed, by Postgres' clock, ms since 1970. */
  readonly healedAtMs: number;
  readonly excuses: readonly Excuse[];
  /** What the machine took for other things: added to every bound that is a time. */
  readonly lostMs: number;
  /** Of the tasks that are open in the end, why. */
  readonly open: ReadonlyMap<string, string>;
  /** Tasks that tickets in Redis name in the end; null: Redis could not be asked. */
  readonly tickets: readonly string[] | null;
  readonly feed: readonly FeedMessage[] | null;
  /** What `verify` finds wrong with the whole log, from its first event and against an anchor taken before the schedule. */
  readonly verify: { readonly head: number; readonly problems: readonly string[] };
  readonly usage: readonly Usage[];
};

export type Verdict = {
  /** How many things could have been wrong. */
  readonly checked: number;
  readonly violations: readonly string[];
};

export type Invariant = {
  /** In the list of the README. */
  readonly number: number;
  readonly name: string;
  readonly promise: string;
  /** Every schedule gives it something to check: one that does not has shown nothing. */
  readonly always: boolean;
  /** Pure. */
  check(evidence: Evidence): Verdict;
};

/** Judges each by itself. @param wrong what is wrong with it: nothing, one thing, several */
export function judge<T>(items: Iterable<T>, wrong: (item: T) => string | readonly string[] | null): Verdict {
  let checked = 0;
  const violations: string[] = [];
  for (const item of items) {
    checked += 1;
    const found = wrong(item);
    if (found !== null) violations.push(...(typeof found === 'string' ? [found] : found));
  }
  return { checked, violations };
}

export function both(...verdicts: readonly Verdict[]): Verdict {
  return {
    checked: verdicts.reduce((sum, { checked }) => sum + checked, 0),
    violations: verdicts.flatMap(({ violations }) => violations),
  };
}
