import type { Stage } from '../drill.ts';

/** A scenario that the original was put through; what it did is quoted, what we do is measured. */
export type Row = {
  readonly scenario: string;
  /** As it was measured. */
  readonly original: string;
  /** @returns what happened here. @throws when that is not what was promised */
  measure(stage: Stage): Promise<string>;
};

/** @throws unless it holds */
export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
