/** What a replay found, counted and with its first examples. */
import type { TaskDifference } from './verify-tasks.ts';
import { inWords } from './verify.ts';

/** How many rows were not as the log gives them. */
export type RowDifferences = { missing: number; extra: number; different: number };

export const REPLAYED_TABLES = ['tasks', 'outcomes', 'submissions', 'streams', 'counters'] as const;

/** Outcomes and keys of a task whose row is there count as different, whatever is wrong with them. */
export type TableDifferences = Readonly<Record<(typeof REPLAYED_TABLES)[number], RowDifferences>>;

export type Findings = {
  readonly tables: TableDifferences;
  readonly examples: readonly string[];
  example(text: string): void;
  task(difference: TaskDifference): void;
};

const EXAMPLES_MAX = 20;

export function createFindings(): Findings {
  const none = (): RowDifferences => ({ missing: 0, extra: 0, different: 0 });
  const tables = { tasks: none(), outcomes: none(), submissions: none(), streams: none(), counters: none() };
  const examples: string[] = [];
  const example = (text: string) => void (examples.length < EXAMPLES_MAX && examples.push(text));
  return {
    tables,
    examples,
    example,
    task(difference) {
      const { hasRow, columns } = difference;
      example(inWords(difference));
      if (!hasRow) tables.tasks.missing += 1;
      if (columns.includes('outcomes')) tables.outcomes.different += 1;
      if (columns.includes('submission')) tables.submissions.different += 1;
      if (columns.some((column) => column !== 'outcomes' && column !== 'submission')) tables.tasks.different += 1;
    },
  };
}
