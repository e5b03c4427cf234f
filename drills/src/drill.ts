/** What a drill is: an outage made on purpose while tasks are submitted and worked on, and what must hold afterwards. */
import type { DrillStack } from './drill-stack.ts';
import type { Load } from './load.ts';

export type Drill = {
  readonly name: string;
  /** Its row in the matrix of faults: "R1". */
  readonly row: string;
  /** What is done. */
  readonly fault: string;
  /** What must hold, beside what holds for every drill. */
  readonly expected: string;
  /** `every`: no request of the load may be refused or stay unanswered. `again`: it may, and its repeat is accepted. */
  readonly accepts: 'every' | 'again';
  /** `healthy`: nothing is done to a worker, so no attempt of theirs may expire. */
  readonly workers: 'healthy' | 'hurt';
  /** It does what must not be done to somebody else's stack, or needs proxies: a stack of its own only. */
  readonly needsOwnStack?: true;
  /** On a stack whose Redis fails over. */
  readonly needsSentinels?: true;
  /** Makes the fault and heals it. */
  run(stage: Stage): Promise<void>;
};

/** What the fault did to its target. */
export type Mark = {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  /** False: it did nothing, so the drill has shown nothing. */
  readonly left: boolean;
};

/** What a drill works with. */
export type Stage = {
  readonly stack: DrillStack;
  readonly load: Load;
  /** How large the drill is to be: tasks of its load, at least. */
  readonly tasks: number;
  /** How long a fault lasts, ms. */
  readonly pauseMs: number;
  /** 0 to 1, the same at every run. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  mark(mark: Mark): void;
  /** Something worth a line of the report. */
  note(text: string): void;
  /** Something that must hold does not. */
  violated(text: string): void;
};
