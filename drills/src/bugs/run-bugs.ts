/** Seeds each bug and looks whether it is seen; then the tree without bugs runs the same schedules, and must pass. */
import type { Bug } from './bug.ts';
import { openBuggedTree } from './bugged-tree.ts';
import { LOOKS, type Look } from './look-for-bug.ts';

export type BugReport = Look & { readonly bug: Bug };

export type Score = {
  readonly seed: number;
  readonly bugs: readonly BugReport[];
  /** Of the tree as it is; `schedules`: as many as the bug that hid longest has needed. */
  readonly clean: readonly (Look & { readonly seenBy: Bug['seenBy']; readonly schedules: number })[];
};

export type BugsOptions = {
  readonly seed: number;
  /** For each bug, at most. */
  readonly schedules: number;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
};

export async function runBugs(bugs: readonly Bug[], options: BugsOptions): Promise<Score> {
  const { seed, schedules, progress, signal } = options;
  const reports: BugReport[] = [];
  for (const bug of bugs) {
    signal.throwIfAborted();
    progress(`${bug.name}: ${bug.says}`);
    await using tree = await openBuggedTree(bug.patches);
    const wanted = { root: tree.root, seed, schedules, invariants: bug.invariants, signal };
    const look = await LOOKS[bug.seenBy](wanted);
    reports.push({ bug, ...look });
    progress(
      look.after === null ? `  MISSED in ${wanted.schedules}` : `  caught after ${look.after}: ${look.violation}`,
    );
  }
  const clean: Score['clean'][number][] = [];
  await using tree = await openBuggedTree([]);
  for (const [seenBy, of] of Map.groupBy(reports, ({ bug }) => bug.seenBy)) {
    const needed = Math.max(...of.map(({ after }) => after ?? schedules));
    progress(`without a bug: the same ${needed} schedules by ${seenBy}`);
    const look = await LOOKS[seenBy]({ root: tree.root, seed, schedules: needed, invariants: undefined, signal });
    clean.push({ seenBy, schedules: needed, ...look });
  }
  return { seed, bugs: reports, clean };
}

/** All were caught, and nothing was where nothing is. */
export function isGood({ bugs, clean }: Score): boolean {
  return bugs.every(({ after }) => after !== null) && clean.every(({ after }) => after === null);
}
