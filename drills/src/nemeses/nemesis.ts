/** A fault as a value: what it is called, what it may lead to, and how it is made. */
import type { Mark, Stage } from '../drill.ts';
import { eventually } from '@morningai/testbed/eventually';
import type { DrillHosts } from '../drill-hosts.ts';

/** Two faults of a schedule never have the same. */
export type Target = 'redis' | 'postgres' | 'nats' | 'orchestrator' | 'ingest' | 'health' | 'agents' | 'hosts';

export type Nemesis = {
  readonly name: string;
  /** In the matrix of faults. */
  readonly row: string;
  readonly what: string;
  readonly target: Target;
  /** Drawn so often as three others of its target. */
  readonly isFrequent?: true;
  /** How long it may last, ms: least, most. */
  readonly lastsMs: readonly [number, number];
  /** While it lasts nothing can be had of its target: health must say so. */
  readonly isDown: boolean;
  /** It may cost attempts their leases. */
  readonly mayExpire: boolean;
  /** It makes zombies: at least one must be told that its claim is lost. */
  readonly makesZombies?: boolean;
  /** It needs the proxy before its target, or does what must not be done to somebody else's. */
  readonly needsOwnStack?: true;
  /** Makes the fault. What undoes it is left on the scene before anything is hurt. */
  inject(scene: Scene): Promise<void>;
};

/** What a nemesis works with. */
export type Scene = Pick<Stage, 'stack' | 'random' | 'signal'> & {
  readonly hosts: DrillHosts;
  /** How long the fault is to last. */
  readonly forMs: number;
  /** What the fault did to its target. */
  mark(mark: Mark): void;
  /** To be done when the fault is over, whatever has become of it: the last one first. What is well is left alone. */
  onHeal(undo: () => Promise<void>): void;
};

/** Marks that a number has risen. */
export function markRise(scene: Pick<Scene, 'mark'>, what: string, before: number, after: number): void {
  scene.mark({ what, before: String(before), after: String(after), left: after > before });
}

/** Marks that one thing has taken the place of another. */
export function markChange(scene: Pick<Scene, 'mark'>, what: string, before: string, after: string): void {
  scene.mark({ what, before, after, left: before !== after });
}

const FELT_MS = 5_000;

/** A fault lasts until somebody has felt it: until the number has risen. What never does is no mark, and no pass. */
export async function untilFelt(
  { signal }: Pick<Scene, 'signal'>,
  read: () => number | Promise<number>,
  before: number,
): Promise<void> {
  const felt = async () => {
    if ((await read()) <= before) throw new Error('nobody has felt it yet');
  };
  await eventually(felt, { deadlineMs: FELT_MS, everyMs: 10, signal }).catch(() => signal.throwIfAborted());
}
