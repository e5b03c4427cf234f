/** What many schedules have shown, and how much that is. Pure. */
import type { ScheduleReport } from './run-schedule.ts';

export type FaultTotals = {
  readonly schedules: number;
  readonly failed: number;
  readonly tasks: number;
  readonly info: number;
  readonly expired: number;
  readonly effectsAgain: number;
};

export type Summary = {
  readonly schedules: number;
  readonly held: number;
  readonly violated: readonly number[];
  /** Seeds of the schedules that have shown nothing. */
  readonly empty: readonly number[];
  readonly operations: { readonly ok: number; readonly fail: number; readonly info: number };
  readonly tasks: number;
  readonly outcomes: { readonly completed: number; readonly failed: number; readonly cancelled: number };
  readonly attempts: Readonly<Record<string, number>>;
  readonly fenced: number;
  readonly effects: number;
  readonly effectsAgain: number;
  readonly checked: Readonly<Record<string, number>>;
  /** Nemesis → what was seen in the schedules that had it. */
  readonly faults: Readonly<Record<string, FaultTotals>>;
  readonly longestMs: number;
  /** With 95 % the chance of a violation in such a schedule is at most this; null: there was one. */
  readonly bound: number | null;
};

export function summaryOf(reports: readonly ScheduleReport[]): Summary {
  const violated = reports.filter(({ violations }) => violations.length > 0);
  const empty = reports.filter(({ violations, emptyPass }) => violations.length === 0 && emptyPass.length > 0);
  const held = reports.length - violated.length - empty.length;
  const sum = (value: (report: ScheduleReport) => number) =>
    reports.reduce((total, report) => total + value(report), 0);
  return {
    schedules: reports.length,
    held,
    violated: violated.map(({ seed }) => seed),
    empty: empty.map(({ seed }) => seed),
    operations: addUp(reports.map(({ counts }) => counts.operations)),
    tasks: sum(({ counts }) => counts.tasks),
    outcomes: addUp(reports.map(({ counts }) => counts.outcomes)),
    attempts: addUp(reports.map(({ counts }) => counts.attempts)),
    fenced: sum(({ counts }) => counts.fenced),
    effects: sum(({ counts }) => counts.effects),
    effectsAgain: sum(({ counts }) => counts.effectsAgain),
    checked: addUp(reports.map(({ checked }) => checked)),
    faults: faultTotals(reports),
    longestMs: Math.max(0, ...reports.map(({ tookMs }) => tookMs)),
    // The rule of three.
    bound: violated.length === 0 && held > 0 ? Math.min(1, 3 / held) : null,
  };
}

function faultTotals(reports: readonly ScheduleReport[]): Readonly<Record<string, FaultTotals>> {
  const had = reports.flatMap((report) => report.faults.map((fault) => ({ name: fault.split(' ')[0] ?? '', report })));
  const groups = [...Map.groupBy(had, ({ name }) => name)].toSorted(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(
    groups.map(([name, all]) => {
      const sum = (value: (report: ScheduleReport) => number) =>
        all.reduce((total, { report }) => total + value(report), 0);
      const totals = {
        schedules: all.length,
        failed: sum(({ violations }) => Number(violations.length > 0)),
        tasks: sum(({ counts }) => counts.tasks),
        info: sum(({ counts }) => counts.operations.info),
        expired: sum(({ counts }) => counts.attempts['AttemptExpired'] ?? 0),
        effectsAgain: sum(({ counts }) => counts.effectsAgain),
      };
      return [name, totals];
    }),
  );
}

function addUp<Names extends string>(all: readonly Readonly<Record<Names, number>>[]): Record<Names, number> {
  const total: Partial<Record<Names, number>> = {};
  for (const one of all) for (const name in one) total[name] = (total[name] ?? 0) + one[name];
  return total as Record<Names, number>;
}
