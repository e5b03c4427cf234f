import { NOT_ASKED } from '../history/operations.ts';
import type { Evidence } from '../invariants/evidence.ts';
import { ownStories } from '../invariants/task-stories.ts';

/** How much a schedule was. */
export type Counts = {
  readonly operations: { readonly ok: number; readonly fail: number; readonly info: number };
  readonly tasks: number;
  readonly events: number;
  readonly outcomes: { readonly completed: number; readonly failed: number; readonly cancelled: number };
  /** Executions, by how they ended. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Attempts that were told that their claim is lost. */
  readonly fenced: number;
  readonly effects: number;
  /** Effects had again under the same key. */
  readonly effectsAgain: number;
};

/** Pure. */
export function countsOf(
  evidence: Evidence,
  world: { readonly fenced: number; readonly effects: ReadonlyMap<string, number> },
): Counts {
  const stories = ownStories(evidence);
  const asked = evidence.operations.filter(({ op }) => !NOT_ASKED.has(op));
  const phase = (wanted: string) => asked.filter((one) => one.phase === wanted).length;
  const ends = stories.flatMap(({ outcomes }) => outcomes.map(({ outcome }) => outcome));
  const outcome = (wanted: string) => ends.filter((one) => one === wanted).length;
  const attempts: Record<string, number> = {};
  for (const { end } of stories.flatMap((story) => story.attempts)) {
    const how = end?.type ?? 'open';
    attempts[how] = (attempts[how] ?? 0) + 1;
  }
  const had = [...world.effects.values()];
  return {
    operations: { ok: phase('ok'), fail: phase('fail'), info: phase('info') },
    tasks: stories.length,
    events: evidence.events.length,
    outcomes: { completed: outcome('completed'), failed: outcome('failed'), cancelled: outcome('cancelled') },
    attempts,
    fenced: world.fenced,
    effects: had.length,
    effectsAgain: had.reduce((sum, times) => sum + times - 1, 0),
  };
}
