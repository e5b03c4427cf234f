import type { Table } from './benchmark.ts';
import { median } from './statistics.ts';

/** Two throughputs of one round, tasks per second. */
export type Pair = { readonly normal: number; readonly other: number };

/** The ratio is taken round by round: the noise of a minute hits both. */
export function sideBySide(labels: Readonly<Record<keyof Pair, string>>, pairs: readonly Pair[]): Table {
  const ratios = pairs.map(({ normal, other }) => other / normal);
  const middle = (pick: keyof Pair) => median(pairs.map((pair) => pair[pick])).toFixed(0);
  return {
    head: ['', 'tasks/s', `÷ ${labels.normal}`],
    rows: [
      [labels.normal, middle('normal'), '**1.00**'],
      [
        labels.other,
        middle('other'),
        `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
      ],
    ],
  };
}
