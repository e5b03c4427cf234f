/** What callers ask of the task writer, and what they are told. */
import type { AppError } from '@morningai/core/errors';
import type { Event, State } from '@morningai/core/task';
import type { Letter } from './mailbox.ts';
import type { TaskCommand, ThenStart } from './task-batch.ts';

export type WriteRequest = TaskCommand &
  Letter & {
    /**
     * On this process's monotonic clock (`performance.now()`), ms. After it the command is given up, at the latest when the
     * statement that carries it ends; its outcome may then be unknown.
     */
    readonly deadlineAt: number;
  };

export type Written = {
  readonly taskId: string;
  readonly tenant: string;
  /** After this command; where nothing was stored, as it is. */
  readonly state: State;
  /** Of the task, after all that was stored together with this command. */
  readonly version: number;
  /** Empty: a repeat; everything was recorded before. With `thenStart`, the state tells whose claim it is. */
  readonly events: readonly Event[];
  readonly recordedAt: Date | null;
  /** Where in the log its events are. */
  readonly positions: readonly number[];
  /** The idempotency key belongs to this earlier task (of the same request); nothing was stored. */
  readonly duplicateOf: string | null;
  /** Expire: the lease holds still. Start: the task is not due. Nothing was stored. */
  readonly heldBack: 'leased' | 'early' | null;
};

/** A request on its way. */
export type Entry = WriteRequest & {
  readonly settle: { resolve(written: Written): void; reject(error: AppError): void };
  /** Null from when it was refused: the Submit goes alone. */
  thenStart?: ThenStart | null;
  conflicts: number;
  /** A value of its batch was refused and it is not known whose: it goes by itself. */
  alone: boolean;
  /** Decide on what Postgres has, not on what this process remembers. */
  reload: boolean;
  /** Decide on what the log gives: the row of its task is older than the log. */
  distrust: boolean;
  /** It is in a statement under way. */
  sent: boolean;
  /** It was sent once and no answer came: it may be in the log. */
  unknown: boolean;
};
