/**
 * Whether tickets flow, and in which epoch: what is to be asked of Redis at a tick, and what its answer means. Whoever leads raises the beat; a
 * Redis that cannot answer with the beat that was written last has forgotten something, and gets the next epoch. Who follows believes in an
 * epoch while its beat rises. Pure; times are of one monotonic clock, ms.
 */
import type { Beaten, Mark } from '@morningai/queue/marker';

/** A follower that has not seen the beat rise for so long takes the lane to be closed. */
const BEAT_SILENT_MS = 2_000;

export type LaneFacts = {
  readonly connected: boolean;
  /** Why this Redis is not to be relied on; null: it is. */
  readonly problem: string | null;
  /** In which this process leads; null: another one does. */
  readonly term: number | null;
};

export type Question =
  | { readonly ask: 'nothing'; readonly why: string }
  | { readonly ask: 'read' }
  | { readonly ask: 'beat'; readonly last: Mark }
  | ({ readonly ask: 'epoch' } & Beginning);

/** An epoch to begin. */
export type Beginning = { readonly term: number; readonly cause: string };

export type Meaning =
  /** `term`: in which this process gives out the tickets of the epoch; null: another one does. */
  | { readonly kind: 'open'; readonly epoch: number; readonly term: number | null }
  | { readonly kind: 'closed'; readonly why: string }
  | ({ readonly kind: 'forgot' } & Beginning)
  /** Postgres says that this one leads, Redis knows a higher term: Postgres is right, and ours must rise above. */
  | { readonly kind: 'overruled'; readonly above: number; readonly why: string };

export type LaneState = {
  next(facts: LaneFacts): Question;
  /** The beat was raised, or not. */
  beaten(answer: Beaten): Meaning;
  /** The marker of a new epoch was set, or not. */
  planted(answer: Beaten): Meaning;
  /** The marker that a follower found. */
  found(mark: Mark | null, now: number): Meaning;
  /** Another Redis is asked from here on: whatever its marker says, it begins an epoch. */
  moved(): void;
};

export function createLaneState(): LaneState {
  /** As this process, leading, left it. */
  let mark: Mark | null = null;
  let seen: { readonly mark: Mark; readonly at: number } | null = null;
  let isMoved = false;

  const overruled = ({ term }: Mark): Meaning => {
    mark = null;
    return { kind: 'overruled', above: term, why: `redis has the marker of term ${term}, above ours` };
  };

  const leads = (ours: Mark): Meaning => {
    mark = ours;
    isMoved = false;
    return { kind: 'open', epoch: ours.epoch, term: ours.term };
  };

  return {
    next({ connected, problem, term }) {
      if (!connected) return { ask: 'nothing', why: 'redis is away' };
      if (problem !== null) return { ask: 'nothing', why: problem };
      if (term === null) {
        mark = null;
        return { ask: 'read' };
      }
      seen = null;
      if (mark?.term === term) return { ask: 'beat', last: mark };
      return { ask: 'epoch', term, cause: isMoved ? 'moved to another redis' : 'a new leader' };
    },
    beaten(answer) {
      if (answer.kind === 'superseded') return overruled(answer.mark);
      if (answer.kind === 'ok') return leads(answer.mark);
      return { kind: 'forgot', term: mark?.term ?? 0, cause: 'redis forgot' };
    },
    planted(answer) {
      if (answer.kind === 'superseded') return overruled(answer.mark);
      return answer.kind === 'ok' ? leads(answer.mark) : { kind: 'closed', why: 'redis has no marker' };
    },
    found(there, now) {
      if (there === null) return { kind: 'closed', why: 'redis has no marker' };
      const rose = seen === null || there.epoch !== seen.mark.epoch || there.beat !== seen.mark.beat;
      if (rose) seen = { mark: there, at: now };
      isMoved = false;
      if (now - (seen?.at ?? now) > BEAT_SILENT_MS) return { kind: 'closed', why: 'the leader raises no beat' };
      return { kind: 'open', epoch: there.epoch, term: null };
    },
    moved() {
      mark = null;
      seen = null;
      isMoved = true;
    },
  };
}
