/**
 * Commands on their way to the log. Bounded; under pressure outcomes go first, then claims, then submits. Submits are refused
 * first, outcomes never: there are only as many as workers have slots.
 */
import { AppError } from '@morningai/core/errors';

export type Urgency = 'outcome' | 'claim' | 'submit';

export type MailboxLimits = { readonly commands: number; readonly bytes: number };

export const MAILBOX_LIMITS: MailboxLimits = { commands: 10_000, bytes: 64 * 1024 * 1024 };
export const BATCH_LIMITS: MailboxLimits = { commands: 500, bytes: 4 * 1024 * 1024 };

export type Letter = { readonly urgency: Urgency; readonly bytes: number };

export type Mailbox<L extends Letter> = {
  readonly size: number;
  /** @throws AppError OVERLOADED */
  put(letter: L): void;
  /** Puts back what was taken, ahead of its kind: never refused. */
  putBack(letters: readonly L[]): void;
  /** The most urgent letters that fit one batch; `mayTake` says no to those that must wait, and they keep their place. */
  take(mayTake: (letter: L) => boolean): L[];
  /** Takes out those that need not go any more. */
  remove(isOver: (letter: L) => boolean): L[];
};

const ORDER: readonly Urgency[] = ['outcome', 'claim', 'submit'];
/** A claim is worth more than a submit: what it waits for was accepted already. */
const CLAIM_ALLOWANCE = 1.25;

export function createMailbox<L extends Letter>(limits = MAILBOX_LIMITS, batch = BATCH_LIMITS): Mailbox<L> {
  const waiting: Record<Urgency, L[]> = { outcome: [], claim: [], submit: [] };
  let bytes = 0;
  const size = () => ORDER.reduce((sum, urgency) => sum + waiting[urgency].length, 0);

  const isFull = (urgency: Urgency) => {
    if (urgency === 'outcome') return false;
    const allowance = urgency === 'claim' ? CLAIM_ALLOWANCE : 1;
    return size() >= limits.commands * allowance || bytes >= limits.bytes * allowance;
  };

  return {
    get size() {
      return size();
    },
    put(letter) {
      if (isFull(letter.urgency)) {
        throw new AppError('OVERLOADED', `${size()} commands (${bytes} bytes) wait for the log; try again later`);
      }
      waiting[letter.urgency].push(letter);
      bytes += letter.bytes;
    },
    putBack(letters) {
      for (const urgency of ORDER) {
        const back = letters.filter((letter) => letter.urgency === urgency);
        if (back.length > 0) waiting[urgency] = back.concat(waiting[urgency]);
      }
      bytes += sumOfBytes(letters);
    },
    take(mayTake) {
      const taken: L[] = [];
      let takenBytes = 0;
      for (const urgency of ORDER) {
        const queue = waiting[urgency];
        const passed: L[] = [];
        let index = 0;
        for (; index < queue.length && taken.length < batch.commands; index += 1) {
          const letter = queue[index] as L;
          if (taken.length > 0 && takenBytes + letter.bytes > batch.bytes) break;
          if (!mayTake(letter)) {
            passed.push(letter);
            continue;
          }
          taken.push(letter);
          takenBytes += letter.bytes;
        }
        waiting[urgency] = passed.concat(queue.slice(index));
      }
      bytes -= takenBytes;
      return taken;
    },
    remove(isOver) {
      const removed = ORDER.flatMap((urgency) => waiting[urgency].filter(isOver));
      if (removed.length === 0) return removed;
      const gone = new Set(removed);
      for (const urgency of ORDER) waiting[urgency] = waiting[urgency].filter((letter) => !gone.has(letter));
      bytes -= sumOfBytes(removed);
      return removed;
    },
  };
}

function sumOfBytes(letters: readonly Letter[]): number {
  return letters.reduce((sum, letter) => sum + letter.bytes, 0);
}
