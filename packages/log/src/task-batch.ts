/** Decides a batch on the pending state: several commands of one task become one append. Pure. */
import { AppError, asAppError } from '@morningai/core/errors';
import { decide, evolve, INITIAL, type Command, type Event, type State } from '@morningai/core/task';
import {
  counterChanges,
  limitsOfRunning,
  projectTask,
  type Guard,
  type RunningLimits,
} from '@morningai/core/task-projection';
import type { Append, Timing } from './append.ts';

/** What one command came to, if the append of its task is accepted. */
export type Decision =
  | { readonly kind: 'events'; readonly events: readonly Event[]; readonly state: State }
  | { readonly kind: 'repeat'; readonly state: State }
  | { readonly kind: 'refused'; readonly error: AppError };

export type TaskCommand = {
  readonly taskId: string;
  readonly tenant: string;
  readonly command: Command;
  /** Limits that hold for this command; the counters it changes are found from its events. */
  readonly limits: readonly Limit[];
  /** Of a Start: which limits those are depends on the task. Default: only that of its concurrency key. */
  readonly runningLimits?: RunningLimits;
  /** Of a Submit: the task is begun in the same append if it is due. What refuses the Start does not refuse the Submit. */
  readonly thenStart?: ThenStart | null;
};

export type Limit = { readonly key: string; readonly max: number };

export type ThenStart = { readonly command: Command & { type: 'Start' }; readonly runningLimits?: RunningLimits };

/** The commands of one task in a batch, decided one after the other. */
export type DecidedTask<C extends TaskCommand> = {
  readonly taskId: string;
  readonly tenant: string;
  /** What the decisions were made on. */
  readonly before: { readonly version: number; readonly state: State };
  readonly decisions: readonly { readonly from: C; readonly decision: Decision }[];
  readonly version: number;
  readonly state: State;
  /** Null: nothing to store. */
  readonly append: Append | null;
};

export type KnownTask = { readonly tenant: string; readonly version: number; readonly state: State };

export function taskStream(taskId: string): string {
  return `task/${taskId}`;
}

const TIMINGS: Partial<Record<Command['type'], Timing>> = {
  Start: 'due',
  CutCancelled: 'over',
  ExpireTask: 'expired',
};
/** A retry is one of them because an outcome is the last event of its append. */
const CONDITIONAL: ReadonlySet<string> = new Set(['Submit', 'Expire', 'Retry', ...Object.keys(TIMINGS)]);

/**
 * A command whose append may be refused for a reason of its own (a limit, a key, a lease, a time) must be the first of its task in a
 * batch, so that the refusal is known to be its.
 */
export function isConditional(from: TaskCommand): boolean {
  return from.limits.length > 0 || CONDITIONAL.has(from.command.type);
}

/** @param known the task as loaded; undefined: it does not exist yet */
export function decideTask<C extends TaskCommand>(
  known: KnownTask | undefined,
  commands: readonly C[],
): DecidedTask<C> {
  const first = commands[0];
  if (first === undefined) throw new RangeError('no commands');
  const before = { version: known?.version ?? 0, state: known?.state ?? INITIAL };
  const { taskId } = first;
  const tenant = known?.tenant ?? first.tenant;
  let state = before.state;
  const decisions = commands.map((from) => {
    const decision = decideOne(from, tenant, state);
    if (decision.kind === 'events') state = decision.state;
    return { from, decision };
  });
  const events = decisions.flatMap(({ decision }) => (decision.kind === 'events' ? decision.events : []));
  // Conditions of a command that stores nothing are not conditions of what the others store.
  const storing = decisions.flatMap(({ from, decision }) => (decision.kind === 'events' ? [from] : []));
  const append = events.length === 0 ? null : toAppend({ taskId, tenant, before }, events, state, storing);
  return { taskId, tenant, before, decisions, version: before.version + events.length, state, append };
}

function decideOne(from: TaskCommand, tenant: string, state: State): Decision {
  try {
    if (from.command.type === 'Submit' && from.tenant !== tenant) {
      throw new AppError('IDEMPOTENCY_MISMATCH', 'this task id belongs to somebody else');
    }
    const events = decideEvents(from, state);
    return events.length === 0
      ? { kind: 'repeat', state }
      : { kind: 'events', events, state: events.reduce(evolve, state) };
  } catch (error) {
    return { kind: 'refused', error: asAppError(error) };
  }
}

function decideEvents({ command, thenStart }: TaskCommand, state: State): readonly Event[] {
  const events = decide(command, state);
  const begins = thenStart != null && command.type === 'Submit' && command.dueInMs === 0 && events.length > 0;
  return begins ? [...events, ...decide(thenStart.command, events.reduce(evolve, state))] : events;
}

function toAppend(
  task: { readonly taskId: string; readonly tenant: string; readonly before: DecidedTask<TaskCommand>['before'] },
  events: readonly Event[],
  state: State,
  commands: readonly TaskCommand[],
): Append {
  if (state.status === 'none') throw new RangeError('events leave no state');
  const submitted = events.find((event) => event.type === 'TaskSubmitted')?.data;
  const expire = commands.map((from) => from.command).find((command) => command.type === 'Expire');
  return {
    stream: taskStream(task.taskId),
    tenant: task.tenant,
    expectedVersion: task.before.version,
    life: state.life,
    events,
    guards: guardsOf(task.tenant, task.before.state, state, commands),
    task: {
      ...projectTask(events, state),
      id: task.taskId,
      agent: state.agent,
      priority: submitted?.priority ?? 0,
      expiresInMs: submitted?.expiresInMs ?? null,
      labels: submitted && Object.keys(submitted.labels).length > 0 ? submitted.labels : null,
      state,
    },
    submission:
      submitted?.idempotencyKey == null
        ? null
        : { key: submitted.idempotencyKey, requestDigest: submitted.requestDigest },
    unlessLeased: expire ? { fence: expire.fence } : null,
    onlyWhen: commands.map((from) => TIMINGS[from.command.type]).find((timing) => timing !== undefined) ?? null,
  };
}

function guardsOf(tenant: string, before: State, after: State, commands: readonly TaskCommand[]): readonly Guard[] {
  const changes = counterChanges(tenant, before, after);
  // A fall is never refused.
  if (!changes.some(({ delta }) => delta > 0)) return changes.map(({ key, delta }) => ({ key, delta, max: null }));
  const limits = commands.flatMap((from) => [
    ...limitsOf(from, tenant, before),
    ...limitsOfThenStart(from, tenant, after),
  ]);
  return changes.map(({ key, delta }) => {
    const limit = delta > 0 ? limits.findLast((one) => one.key === key) : undefined;
    return { key, delta, max: limit?.max ?? null };
  });
}

const NOT_CONFIGURED: RunningLimits = { perTenant: null, perAgent: null };

/** What may refuse this command as LIMIT_REACHED. */
export function limitsOf(from: TaskCommand, tenant: string, before: State): readonly Limit[] {
  if (from.command.type !== 'Start' || before.status === 'none') return from.limits;
  return [...from.limits, ...limitsOfRunning(tenant, before, from.runningLimits ?? NOT_CONFIGURED)];
}

function limitsOfThenStart({ thenStart }: TaskCommand, tenant: string, after: State): readonly Limit[] {
  if (thenStart == null || after.status !== 'running') return [];
  return limitsOfRunning(tenant, after, thenStart.runningLimits ?? NOT_CONFIGURED);
}
