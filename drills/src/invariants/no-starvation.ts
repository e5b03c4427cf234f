import { judge, type Invariant, type LogFact } from './evidence.ts';
import { ownStories } from './task-stories.ts';

/** Two of the lane's own intervals, and what a machine that is busy with other things may add. */
const OFFERED_WITHIN_MS = 5_000;

export const noStarvation: Invariant = {
  number: 14,
  name: 'no-starvation',
  promise: `what is due, and held by no limit, is begun within ${OFFERED_WITHIN_MS / 1_000} s of the last heal`,
  always: true,
  check(evidence) {
    // Of tasks with a concurrencyKey one runs at a time: the others wait for as long as it takes.
    const free = ownStories(evidence).filter(({ submitted }) => submitted.data['concurrencyKey'] == null);
    return judge(free, ({ id, events }) => {
      const waits = events.flatMap((event, index) => {
        const sinceMs = dueSince(event);
        if (sinceMs === undefined) return [];
        const begun = events[index + 1]?.recordedAtMs ?? Infinity;
        return [begun - Math.max(sinceMs, evidence.healedAtMs)];
      });
      const longest = Math.max(0, ...waits.filter(Number.isFinite));
      return longest > OFFERED_WITHIN_MS ? `${id} was due for ${Math.round(longest)} ms before anybody took it` : null;
    });
  },
};

/** Since when it waits for a worker, if this event makes it wait. */
function dueSince({ type, data, recordedAtMs }: LogFact): number | undefined {
  switch (type) {
    case 'TaskSubmitted':
    case 'TaskRetried':
      return recordedAtMs + Number(data['dueInMs'] ?? 0);
    case 'AttemptReleased':
      return recordedAtMs;
    case 'AttemptFailed':
    case 'AttemptExpired':
      return typeof data['retryInMs'] === 'number' ? recordedAtMs + data['retryInMs'] : undefined;
    default:
      return undefined;
  }
}
