/** What must be true of a schedule for its silence to mean anything. Pure. */
import { NOT_ASKED, type Operation } from '../history/operations.ts';
import type { Invariant, Verdict } from '../invariants/evidence.ts';
import type { PlannedFault } from './draw-schedule.ts';
import type { MadeFault } from './run-faults.ts';

export type GateInput = {
  readonly planned: readonly PlannedFault[];
  readonly made: readonly MadeFault[];
  readonly operations: readonly Operation[];
  /** Attempts that were told that their claim is lost. */
  readonly fenced: number;
  readonly verdicts: readonly { readonly invariant: Invariant; readonly verdict: Verdict }[];
};

const OK_SHARE_MIN = 0.5;

/** @returns why it has shown nothing; empty: it counts */
export function emptyPass({ planned, made, operations, fenced, verdicts }: GateInput): readonly string[] {
  const asked = operations.filter(({ op }) => !NOT_ASKED.has(op));
  // Whoever has no answer asks again, and against a service that is away many times: what counts is what was wanted.
  const wanted = Map.groupBy(asked, ({ op, key }) => `${op} ${key}`);
  const got = [...wanted.values()].filter((tries) => tries.some(({ phase }) => phase === 'ok')).length;
  const why: string[] = [];
  if (asked.length === 0) why.push('nobody asked for anything');
  else if (got / wanted.size < OK_SHARE_MIN) why.push(`${got} of ${wanted.size} wishes came to ok: fewer than half`);
  if (made.length < planned.length) why.push(`${made.length} of ${planned.length} faults were made`);
  if (planned.length === 0) why.push('there was no fault');
  for (const { nemesis, marks, fromMs, toMs } of made) {
    const isMarked = marks.length > 0 && marks.every(({ left }) => left);
    if (!isMarked)
      why.push(
        `${nemesis} left no mark${marks.map(({ what, before, after }) => `: ${what} ${before} → ${after}`).join('')}`,
      );
    const overlaps = asked.some(({ invokedAt, endedAt }) => invokedAt <= toMs && endedAt >= fromMs);
    if (!overlaps) why.push(`nothing was asked for while ${nemesis} lasted`);
  }
  if (planned.some(({ nemesis }) => nemesis.makesZombies) && fenced === 0)
    why.push('no zombie was told that its claim is lost');
  for (const { invariant, verdict } of verdicts)
    if (invariant.always && verdict.checked === 0) why.push(`${invariant.name} had nothing to check`);
  return why;
}
