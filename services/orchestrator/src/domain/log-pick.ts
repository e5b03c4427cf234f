/** What the log lane asks Postgres for, and what it takes of the answer. Pure. */

/** Picked at once when fewer slots are free: those that find none in time are left to others. */
export const PICK_MIN = 200;
const PICK_MAX = 2_000;

export type PickFacts = {
  /** Slots that are free here. */
  readonly free: number;
  /** Wanted also when fewer are free. */
  readonly atLeast: number;
  /** Claims that are being written: they are still due in Postgres. */
  readonly taking: number;
  /** Tasks that a key holds back. */
  readonly heldBack: number;
  /** Which of the living orchestrators this is: each begins at another place. */
  readonly rank: number;
};

export type PickSize = {
  readonly wanted: number;
  /** Rows to ask for: some of them are of no use here. */
  readonly limit: number;
  readonly offset: number;
};

export function pickSize({ free, atLeast, taking, heldBack, rank }: PickFacts): PickSize {
  const wanted = Math.min(PICK_MAX, Math.max(atLeast, free));
  return { wanted, limit: wanted + taking + heldBack, offset: rank * wanted };
}

export type DueTask = { readonly taskId: string; readonly tenant: string };

export type PickRules = {
  readonly isTaking: (taskId: string) => boolean;
  readonly isHeld: (taskId: string) => boolean;
  /** Asked of each task that would be picked, and counted. */
  readonly mayOffer: (tenant: string) => boolean;
};

export type Pick = {
  readonly picked: readonly string[];
  /** There is no more of use than this. */
  readonly isAll: boolean;
};

export function pickOf(tasks: readonly DueTask[], wanted: number, rules: PickRules): Pick {
  const free = tasks.filter(({ taskId }) => !rules.isTaking(taskId) && !rules.isHeld(taskId)).slice(0, wanted);
  const picked = free.filter(({ tenant }) => rules.mayOffer(tenant)).map(({ taskId }) => taskId);
  return { picked, isAll: free.length < wanted };
}
