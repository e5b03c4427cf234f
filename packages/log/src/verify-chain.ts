/** Dense positions, digests, chain: what of the log can be proven without knowing what it means. */
import { chainDigest, eventDigest } from './digest.ts';
import type { CommitRow, EventRow } from './verify-session.ts';

/** Somebody noted it outside: the log had this head, and this chain digest (hex). */
export type Anchor = { readonly head: number; readonly chain: string };

export type ChainCheck = {
  /** The next commits, in order; all that there are of a page must come before its events. */
  expect(commits: readonly CommitRow[]): void;
  /** @returns when the event's commit was recorded, in microseconds since 1970 */
  next(event: EventRow): number;
  /** After the last event and commit. */
  end(head: number): { readonly chain: string };
};

export function createChainCheck(report: (problem: string) => void, anchor: Anchor | undefined): ChainCheck {
  let coming: CommitRow[] = [];
  let chain = '';
  let digests: string[] = [];
  let position = 0;
  let sealedTo = 0;
  let anchored = anchor === undefined || anchor.head === 0;

  const seal = ({ first, last, micros, chain: stored }: CommitRow) => {
    const computed = chainDigest(chain, { firstPosition: first, recordedAtMicros: micros }, digests);
    if (first !== sealedTo + 1) report(`positions ${first}–${last}: the commit before ends at ${sealedTo}`);
    else if (computed !== stored) report(`positions ${first}–${last}: the chain breaks here`);
    if (anchor?.head === last) {
      anchored = true;
      if (anchor.chain !== stored) report(`position ${last}: the chain is not the one that was anchored`);
    }
    [chain, digests, sealedTo] = [stored, [], last];
    coming.shift();
  };

  return {
    expect(commits) {
      coming = coming.concat(commits);
    },
    next(event) {
      if (event.position !== position + 1) report(missing(position + 1, event.position - 1));
      position = event.position;
      if (eventDigest(event, event.data) !== event.digest) {
        report(`position ${position}: the digest does not fit the event`);
      }
      while (coming[0] !== undefined && coming[0].last < position) seal(coming[0]);
      const commit = coming[0];
      if (commit === undefined || position < commit.first) {
        report(`position ${position}: no commit has it`);
        return 0;
      }
      if (event.recordedAt !== commit.micros) report(`position ${position}: recorded at another time than its commit`);
      digests.push(event.digest);
      if (position === commit.last) seal(commit);
      return commit.micros;
    },
    end(head) {
      while (coming[0] !== undefined) seal(coming[0]);
      if (position < head) report(missing(position + 1, head));
      if (!anchored) report(`the log ends at ${head}; no commit ends at ${anchor?.head}, which was anchored`);
      return { chain };
    },
  };
}

function missing(from: number, to: number): string {
  return from === to ? `position ${from} is missing` : `positions ${from}–${to} are missing`;
}
