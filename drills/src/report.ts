import type { DrillReport } from './run-drill.ts';

/** What a drill has shown, for people. */
export function reportText(report: DrillReport): string {
  const { drill, ledger, setbacks, slowestAcceptMs, faultMs, settledMs, marks, notes, violations } = report;
  const {
    accepted,
    completed,
    failed,
    cancelled,
    open,
    lost,
    recordedTwice,
    failedAttempts,
    expiredAttempts,
    releasedAttempts,
  } = ledger;
  const sum = completed + failed + cancelled + open + lost;
  const refused = Object.entries(setbacks).map(([code, times]) => `${times} × ${code}`);
  const rows: [string, string][] = [
    ['fault', drill.fault],
    ['expected', drill.expected],
    ...marks.map(({ what, before, after, left }): [string, string] => [
      'mark',
      `${what}: ${before} → ${after}${left ? '' : '   (no mark)'}`,
    ]),
    ...notes.map((note): [string, string] => ['', note]),
    [
      'took',
      `${(faultMs / 1_000).toFixed(1)} s; the last task ended ${(settledMs / 1_000).toFixed(1)} s after it was healed`,
    ],
    ['refused', refused.length === 0 ? 'nothing' : `${refused.join(', ')}; accepted when repeated`],
    [
      'accepted',
      `${accepted} ${sum === accepted ? '=' : '≠'} completed ${completed} + failed ${failed} + cancelled ${cancelled} + open ${open}`,
    ],
    ['lost', `${lost}; recorded twice: ${recordedTwice}; slowest accept ${slowestAcceptMs} ms`],
    ['attempts', `${failedAttempts} failed, ${expiredAttempts} expired, ${releasedAttempts} released`],
    ['gap', gapText(report)],
  ];
  const verdict = violations.length === 0 ? ['it holds'] : violations.map((violation) => `VIOLATED: ${violation}`);
  return [
    `${drill.row} ${drill.name}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`),
    ...verdict.map((line) => `  ${line}`),
  ].join('\n');
}

function gapText({ ledger: { longestGap }, faultAtMs }: DrillReport): string {
  if (longestGap === null) return 'fewer than two tasks were completed';
  const { ms, fromMs } = longestGap;
  const after = (fromMs - faultAtMs) / 1_000;
  const when = after < 0 ? `${(-after).toFixed(1)} s before the fault` : `${after.toFixed(1)} s after the fault began`;
  return `the longest between two completions: ${Math.round(ms)} ms, ${when}`;
}

export function reportJson({ drill, ...report }: DrillReport): unknown {
  const { name, row, fault, expected } = drill;
  return { name, row, fault, expected, ...report };
}
