/** What the `tasks` row keeps of a task beside its state: the folded columns that lists and the dispatcher read. */
import { isOutcome, type Event, type State, type Status } from './task.ts';

export type TaskProjection = {
  readonly status: Status;
  readonly fence: number;
  /**
   * When somebody must look at the task again, counted from the time these events are recorded: a queued task is due, a
   * running one's lease or the grace of its cancellation ends. Null: as before. A finished task is never looked at again.
   */
  readonly wakeInMs: number | null;
  /** True if an attempt starts. */
  readonly starts: boolean;
  /** True if the last event is the outcome of this life. */
  readonly ends: boolean;
};

/** Folds the events of one append (at least one; an outcome is the last) and the state after them. */
export function projectTask(events: readonly Event[], state: State): TaskProjection {
  const newest = events.at(-1);
  if (newest === undefined || state.status === 'none') throw new RangeError('a projection needs an event');
  return {
    status: state.status,
    fence: state.fence,
    wakeInMs: events.map(wakeInMs).findLast((ms) => ms !== null) ?? null,
    starts: events.some((event) => event.type === 'AttemptStarted'),
    ends: isOutcome(newest),
  };
}

function wakeInMs(event: Event): number | null {
  switch (event.type) {
    case 'TaskSubmitted':
    case 'TaskRetried':
      return event.data.dueInMs;
    case 'TaskCancelRequested':
      return event.data.graceMs;
    case 'AttemptStarted':
      return event.data.leaseMs;
    case 'AttemptReleased':
      return 0;
    case 'AttemptFailed':
    case 'AttemptExpired':
      return event.data.retryInMs;
    default:
      return null;
  }
}

/** An amount to add to a named counter; with a `max`, the command is refused where the sum would be above it. */
export type Guard = { readonly key: string; readonly delta: number; readonly max: number | null };

/** What a command's events change in the counters: today, how many tasks of the tenant are open. */
export function countersOf(tenant: string, events: readonly Event[]): readonly Omit<Guard, 'max'>[] {
  let open = 0;
  for (const event of events) {
    if (event.type === 'TaskSubmitted' || event.type === 'TaskRetried') open += 1;
    if (isOutcome(event)) open -= 1;
  }
  return open === 0 ? [] : [{ key: openTasksKey(tenant), delta: open }];
}

export function openTasksKey(tenant: string): string {
  return `open/${tenant}`;
}
