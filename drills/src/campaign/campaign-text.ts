import { table } from '@morningai/cli/table';
import { NOT_YET } from '../invariants/catalog.ts';
import { isPass } from './run-campaign.ts';
import type { Summary } from './campaign-summary.ts';
import type { ScheduleReport } from './run-schedule.ts';

/** One line for one that held; all that is known of one that did not. */
export function scheduleText(report: ScheduleReport): string {
  const { seed, faults, tookMs, lostMs, counts, violations, emptyPass } = report;
  const verdict = isPass(report) ? 'holds   ' : violations.length > 0 ? 'VIOLATED' : 'EMPTY   ';
  const { ok, fail, info } = counts.operations;
  const lost = lostMs < 1_000 ? '' : ` (the machine stood still for ${(lostMs / 1_000).toFixed(1)} s of it)`;
  const took = `${(tookMs / 1_000).toFixed(1)} s`.padStart(6) + lost;
  return [
    `${verdict} seed ${seed} ${took}  ${counts.tasks} tasks, ${ok} ok ${fail} fail ${info} unknown  ${faults.join('; ')}`,
    ...violations.map(({ invariant, text }) => `         ${invariant}: ${text}`),
    ...emptyPass.map((why) => `         ${why}`),
  ].join('\n');
}

export function summaryText(summary: Summary): string {
  const { schedules, held, violated, empty, operations, outcomes, attempts, fenced, effects, effectsAgain, bound } =
    summary;
  const seeds = (list: readonly number[]) => (list.length === 0 ? '0' : `${list.length} (seeds ${list.join(', ')})`);
  const faults = Object.entries(summary.faults).map(([name, totals]) => [name, ...Object.values(totals).map(String)]);
  const checked = Object.entries(summary.checked).map(([name, times]) => `${name} ${times}`);
  return [
    `${schedules} schedules: ${held} held, violated ${seeds(violated)}, empty ${seeds(empty)}; the longest took ${(summary.longestMs / 1_000).toFixed(1)} s`,
    bound === null
      ? 'no bound: something was violated, or nothing held'
      : `with 95 % at most ${(100 * bound).toFixed(2)} % of such schedules violate something (0 of ${held})`,
    `operations   ${operations.ok} ok, ${operations.fail} refused, ${operations.info} unknown`,
    `outcomes     ${outcomes.completed} completed, ${outcomes.failed} failed, ${outcomes.cancelled} cancelled, of ${summary.tasks} tasks`,
    `executions   ${Object.entries(attempts)
      .map(([how, times]) => `${times} ${how}`)
      .join(', ')}; ${fenced} told that they are fenced`,
    `effects      ${effects}, had again under the same key ${effectsAgain} times`,
    `checked      ${checked.join(', ')}`,
    `not yet      ${NOT_YET.map(({ number, waitsFor }) => `${number} (${waitsFor})`).join(', ')}`,
    '',
    table(['fault', 'schedules', 'violated', 'tasks', 'unknown', 'expired', 'effects again'], faults),
  ].join('\n');
}
