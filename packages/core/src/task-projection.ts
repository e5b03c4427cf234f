/** What the `tasks` row keeps of a task beside its state: the folded columns that lists and the dispatcher read. */
import { isFinished, isOutcome, type Event, type State, type Status } from './task.ts';

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

/** How many tasks may run at once; null: as many as there are slots. */
export type RunningLimits = { readonly perTenant: number | null; readonly perAgent: number | null };

/** The counters in which a task in this state counts one: as an open task of its tenant, and while it runs, as a running one. */
export function countersOf(tenant: string, state: State): readonly string[] {
  if (state.status === 'none' || isFinished(state)) return [];
  return state.status === 'running' ? [openTasksKey(tenant), ...runningKeys(tenant, state)] : [openTasksKey(tenant)];
}

/** What going from one state to another changes in the counters, however many events are in between. */
export function counterChanges(tenant: string, before: State, after: State): readonly Omit<Guard, 'max'>[] {
  const open = Number(isOpen(after)) - Number(isOpen(before));
  const running = Number(after.status === 'running') - Number(before.status === 'running');
  const changes = open === 0 ? [] : [{ key: openTasksKey(tenant), delta: open }];
  const runs = running > 0 ? after : before;
  if (running === 0 || runs.status === 'none') return changes;
  for (const key of runningKeys(tenant, runs)) changes.push({ key, delta: running });
  return changes;
}

function isOpen(state: State): boolean {
  return state.status !== 'none' && !isFinished(state);
}

/** What must hold for an attempt of this task to start: one at a time of its concurrency key, and what is configured. */
export function limitsOfRunning(
  tenant: string,
  task: Counted,
  limits: RunningLimits,
): readonly { readonly key: string; readonly max: number }[] {
  const { perTenant, perAgent } = limits;
  const { concurrencyKey } = task;
  return [
    ...(perTenant === null ? [] : [{ key: runningKey(tenant), max: perTenant }]),
    ...(perAgent === null ? [] : [{ key: runningOfAgentKey(tenant, task.agent), max: perAgent }]),
    ...(concurrencyKey === undefined ? [] : [{ key: runningOfKeyKey(tenant, concurrencyKey), max: 1 }]),
  ];
}

type Counted = { readonly agent: string; readonly concurrencyKey?: string };

function runningKeys(tenant: string, { agent, concurrencyKey }: Counted): readonly string[] {
  const always = [runningKey(tenant), runningOfAgentKey(tenant, agent)];
  return concurrencyKey === undefined ? always : [...always, runningOfKeyKey(tenant, concurrencyKey)];
}

export function openTasksKey(tenant: string): string {
  return `open/${tenant}`;
}

function runningKey(tenant: string): string {
  return `running/${tenant}`;
}

function runningOfAgentKey(tenant: string, agent: string): string {
  return `running/${tenant}/agent/${agent}`;
}

function runningOfKeyKey(tenant: string, concurrencyKey: string): string {
  return `running/${tenant}/key/${concurrencyKey}`;
}
