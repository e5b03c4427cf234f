/**
 * A task as the log alone gives it: what verify compares with what is there, and what replay puts there. Pure. A new column of `tasks`
 * is added in TaskColumns, foldTask and taskRow, and to what task-rows reads.
 */
import { evolve, INITIAL, isFinished, isKnownEvent, type Event, type State } from '@morningai/core/task';
import { projectTask } from '@morningai/core/task-projection';

export type LoggedEvent = {
  readonly position: number;
  readonly version: number;
  readonly tenant: string;
  readonly type: string;
  readonly data: unknown;
  /** Microseconds since 1970. */
  readonly recordedAt: number;
};

/** @param event its data is JSON text. That of a TaskCompleted is not looked at: it says no more than what the task gave out */
export function loggedEvent(
  { position, version, tenant, type, data }: Omit<LoggedEvent, 'data' | 'recordedAt'> & { readonly data: string },
  recordedAt: number,
): LoggedEvent {
  return { position, version, tenant, type, data: type === 'TaskCompleted' ? null : JSON.parse(data), recordedAt };
}

/** Times are microseconds since 1970. */
export type TaskColumns = {
  readonly tenant: string;
  readonly agent: string;
  readonly version: number;
  readonly status: string;
  readonly fence: number;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly submittedPosition: number;
  readonly outcomePosition: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly wakeAt: number | null;
  readonly expiresAt: number | null;
  readonly state: State;
};

export type FoldedTask = TaskColumns & {
  /** The first of each life. */
  readonly outcomes: readonly Outcome[];
  readonly submission: Submission | null;
  /** Outcomes beyond the first of a life. */
  readonly recordedTwice: number;
  /** It has events of a newer release: its row is not ours to judge. */
  readonly isForeign: boolean;
};

export type Outcome = { readonly life: number; readonly position: number };

/** The idempotency key it was submitted with. */
export type Submission = { readonly key: string; readonly requestDigest: string };

const BLANK = {
  state: INITIAL,
  status: 'none',
  agent: '',
  fence: 0,
  priority: 0,
  labels: null,
  startedAt: null,
  finishedAt: null,
  wakeAt: null,
  expiresAt: null,
  outcomePosition: null,
  outcomes: [],
  submission: null,
  recordedTwice: 0,
  isForeign: false,
};

/** @param before undefined: this is the task's first event */
export function foldTask(before: FoldedTask | undefined, logged: LoggedEvent): FoldedTask {
  const { position, version, tenant, recordedAt } = logged;
  const event = { type: logged.type, data: fieldsOf(logged.data) } as Event;
  const state = evolve(before?.state ?? INITIAL, event);
  const task = before ?? { ...BLANK, tenant, submittedPosition: position, createdAt: recordedAt };
  const isForeign = task.isForeign || state.status === 'none' || !isKnownEvent(logged.type);
  // Begins with an event that no release of ours puts first.
  if (state.status === 'none') return { ...task, state, version, updatedAt: recordedAt, isForeign };
  const { starts, ends, wakeInMs, status, fence } = projectTask([event], state);
  const wakeAt = wakeInMs === null ? task.wakeAt : recordedAt + wakeInMs * 1_000;
  const isSecond = ends && before !== undefined && isOutcomeOf(before.state, state);
  const submitted = event.type === 'TaskSubmitted' ? event.data : null;
  return {
    tenant: task.tenant,
    priority: submitted?.priority ?? task.priority,
    labels: submitted ? labelsOf(submitted.labels) : task.labels,
    submittedPosition: task.submittedPosition,
    createdAt: task.createdAt,
    state,
    status,
    fence,
    agent: state.agent,
    version,
    updatedAt: recordedAt,
    startedAt: starts ? recordedAt : task.startedAt,
    finishedAt: ends ? recordedAt : null,
    wakeAt: ends ? null : wakeAt,
    expiresAt: expiresAt(event, task.expiresAt, recordedAt),
    outcomePosition: ends ? position : null,
    outcomes: ends && !isSecond ? [...task.outcomes, { life: state.life, position }] : task.outcomes,
    submission: submitted?.idempotencyKey == null ? task.submission : submissionOf(submitted.idempotencyKey, submitted),
    recordedTwice: task.recordedTwice + (isSecond ? 1 : 0),
    isForeign,
  };
}

function isOutcomeOf(before: State, after: State): boolean {
  return before.status !== 'none' && isFinished(before) && after.status !== 'none' && before.life === after.life;
}

function expiresAt(event: Event, before: number | null, recordedAt: number): number | null {
  if (event.type === 'TaskRetried') return null;
  if (event.type !== 'TaskSubmitted' || event.data.expiresInMs === null) return before;
  return recordedAt + event.data.expiresInMs * 1_000;
}

function submissionOf(key: string, { requestDigest }: { readonly requestDigest: string }): Submission {
  return { key, requestDigest };
}

/** History must always load, also one that somebody has edited: verify names what is wrong with it. */
function fieldsOf(data: unknown): object {
  return typeof data === 'object' && data !== null ? data : {};
}

function labelsOf(labels: Readonly<Record<string, string>> = {}): TaskColumns['labels'] {
  return Object.keys(labels).length > 0 ? labels : null;
}

/** The row of `tasks` as JSON that Postgres makes a row of. */
export function taskRow(id: string, task: TaskColumns): Readonly<Record<string, unknown>> {
  return {
    id,
    tenant: task.tenant,
    agent: task.agent,
    version: task.version,
    status: task.status,
    fence: task.fence,
    priority: task.priority,
    labels: task.labels,
    submitted_position: task.submittedPosition,
    outcome_position: task.outcomePosition,
    created_at: timestampText(task.createdAt),
    updated_at: timestampText(task.updatedAt),
    started_at: timestampText(task.startedAt),
    finished_at: timestampText(task.finishedAt),
    wake_at: timestampText(task.wakeAt),
    expires_at: timestampText(task.expiresAt),
    state: task.state,
  };
}

const MICROS_PER_SECOND = 1_000_000;

function timestampText(micros: number | null): string | null {
  if (micros === null) return null;
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  const fraction = String(micros - seconds * MICROS_PER_SECOND).padStart(6, '0');
  return `${new Date(seconds * 1_000).toISOString().slice(0, -'.000Z'.length)}.${fraction}Z`;
}
