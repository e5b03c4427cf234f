/** The log, told task by task. Rules of its own: it shares none with what it judges. */
import type { LogFact } from './evidence.ts';

export type Attempt = {
  readonly fence: number;
  readonly life: number;
  readonly worker: string;
  readonly startedAtMs: number;
  /** The event that ended it; undefined: it runs. */
  readonly end: LogFact | undefined;
};

export type Outcome = 'completed' | 'failed' | 'cancelled';

export type TaskStory = {
  readonly id: string;
  readonly key: string;
  readonly submitted: LogFact;
  readonly events: readonly LogFact[];
  readonly attempts: readonly Attempt[];
  readonly outcomes: readonly { readonly outcome: Outcome; readonly event: LogFact }[];
};

const TASK = 'task/';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  TaskCompleted: 'completed',
  TaskFailed: 'failed',
  TaskCancelled: 'cancelled',
};
const ATTEMPT_ENDS: ReadonlySet<string> = new Set([
  'AttemptReleased',
  'AttemptFailed',
  'AttemptExpired',
  'TaskCompleted',
  'TaskCancelled',
]);

export function taskOf({ stream }: Pick<LogFact, 'stream'>): string | undefined {
  return stream.startsWith(TASK) ? stream.slice(TASK.length) : undefined;
}

/** Of the tasks that were submitted in these events. What began earlier is another schedule's. */
export function taskStories(events: readonly LogFact[]): readonly TaskStory[] {
  const byTask = Map.groupBy(
    events.filter((event) => taskOf(event) !== undefined),
    (event) => taskOf(event) ?? '',
  );
  return [...byTask].flatMap(([id, own]) => {
    const submitted = own.find(({ type }) => type === 'TaskSubmitted');
    return submitted === undefined ? [] : [storyOf(id, submitted, own)];
  });
}

function storyOf(id: string, submitted: LogFact, events: readonly LogFact[]): TaskStory {
  const attempts: Attempt[] = [];
  for (const [index, event] of events.entries()) {
    if (event.type !== 'AttemptStarted') continue;
    const rest = events.slice(index + 1);
    const next = rest.findIndex(({ type }) => type === 'AttemptStarted');
    const end = rest.slice(0, next === -1 ? undefined : next).find(({ type }) => ATTEMPT_ENDS.has(type));
    attempts.push({
      fence: fenceOf(event),
      life: event.life,
      worker: String(event.data['worker']),
      startedAtMs: event.recordedAtMs,
      end,
    });
  }
  const outcomes = events.flatMap((event) => {
    const outcome = OUTCOMES[event.type];
    return outcome === undefined ? [] : [{ outcome, event }];
  });
  return { id, key: keyOf(submitted), submitted, events, attempts, outcomes };
}

/** The idempotency key of a submission; "" where there is none. */
export function keyOf({ data }: Pick<LogFact, 'data'>): string {
  return typeof data['idempotencyKey'] === 'string' ? data['idempotencyKey'] : '';
}

/** NaN where it has none. */
export function fenceOf({ data }: Pick<LogFact, 'data'>): number {
  return typeof data['fence'] === 'number' ? data['fence'] : NaN;
}

/** Only tasks of this schedule. */
export function ownStories(evidence: { readonly prefix: string; readonly events: readonly LogFact[] }) {
  return taskStories(evidence.events).filter(({ key }) => key.startsWith(evidence.prefix));
}
