import type { ScheduleReport } from './run-schedule.ts';

/** A report of a schedule in which nothing was seen, but for what is given. */
export function reportOf(given: Partial<ScheduleReport> & Pick<ScheduleReport, 'seed'>): ScheduleReport {
  return {
    faults: [],
    tookMs: 0,
    settledMs: 0,
    lostMs: 0,
    counts: {
      operations: { ok: 0, fail: 0, info: 0 },
      tasks: 0,
      events: 0,
      outcomes: { completed: 0, failed: 0, cancelled: 0 },
      attempts: {},
      fenced: 0,
      effects: 0,
      effectsAgain: 0,
    },
    checked: {},
    violations: [],
    emptyPass: [],
    ...given,
  };
}
