import { judge, type Invariant, type LogFact } from './evidence.ts';
import { ownStories } from './task-stories.ts';

export const nothingEarly: Invariant = {
  number: 7,
  name: 'nothing-early',
  promise: 'no attempt starts before its task is due, before the wait after a failure is over, or after it has expired',
  always: true,
  check: (evidence) =>
    judge(ownStories(evidence), ({ id, events }) => {
      const wrong: string[] = [];
      let dueAtMs = -Infinity;
      let expiresAtMs = Infinity;
      for (const event of events) {
        dueAtMs = dueOf(event) ?? dueAtMs;
        expiresAtMs = expiryOf(event) ?? expiresAtMs;
        if (event.type !== 'AttemptStarted') continue;
        if (event.recordedAtMs < dueAtMs)
          wrong.push(`${id}: attempt ${dueAtMs - event.recordedAtMs} ms before it was due`);
        if (event.recordedAtMs >= expiresAtMs) wrong.push(`${id}: an attempt after it had expired`);
      }
      return wrong;
    }),
};

/** When the next attempt may start, if this event says so. */
function dueOf({ type, data, recordedAtMs }: LogFact): number | undefined {
  const field = {
    TaskSubmitted: 'dueInMs',
    TaskRetried: 'dueInMs',
    AttemptFailed: 'retryInMs',
    AttemptExpired: 'retryInMs',
  }[type];
  const ms = field === undefined ? undefined : data[field];
  return typeof ms === 'number' ? recordedAtMs + ms : undefined;
}

function expiryOf({ type, data, recordedAtMs }: LogFact): number | undefined {
  if (type === 'TaskRetried') return Infinity;
  const ms = type === 'TaskSubmitted' ? data['expiresInMs'] : undefined;
  return typeof ms === 'number' ? recordedAtMs + ms : undefined;
}
