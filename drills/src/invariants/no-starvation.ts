import { judge, type Invariant, type LogFact } from './evidence.ts';
import { ownStories, type TaskStory } from './task-stories.ts';

/** Two of the lane's own intervals, and what a machine that is busy with other things may add. */
const OFFERED_WITHIN_MS = 5_000;

/** Of which agent so many run, it may have no free slot: fewer than any of them has, with one worker away. */
const BUSY = 8;

export const noStarvation: Invariant = {
  number: 14,
  name: 'no-starvation',
  promise: `what is due, and held by no limit, is begun within ${OFFERED_WITHIN_MS / 1_000} s of the last heal, or of a free slot`,
  always: true,
  check(evidence) {
    const stories = ownStories(evidence);
    const runs = runsByAgent(stories);
    // Of tasks with a concurrencyKey one runs at a time: the others wait for as long as it takes.
    const free = stories.filter(({ submitted }) => submitted.data['concurrencyKey'] == null);
    return judge(free, ({ id, submitted, events }) => {
      const own = runs.get(agentOf(submitted)) ?? [];
      const waits = events.flatMap((event, index) => {
        const sinceMs = dueSince(event);
        const begun = events[index + 1]?.recordedAtMs;
        if (sinceMs === undefined || begun === undefined) return [];
        return [idleWithin(own, Math.max(sinceMs, evidence.healedAtMs), begun)];
      });
      const longest = Math.max(0, ...waits);
      return longest > OFFERED_WITHIN_MS + evidence.lostMs
        ? `${id} was due for ${Math.round(longest)} ms, with slots free, before anybody took it`
        : null;
    });
  },
};

type Run = { readonly fromMs: number; readonly toMs: number };

function runsByAgent(stories: readonly TaskStory[]): ReadonlyMap<string, readonly Run[]> {
  const runs = stories.flatMap(({ submitted, attempts }) =>
    attempts.map(({ startedAtMs, end }) => ({
      agent: agentOf(submitted),
      fromMs: startedAtMs,
      toMs: end?.recordedAtMs ?? Infinity,
    })),
  );
  return Map.groupBy(runs, ({ agent }) => agent);
}

function agentOf({ data }: LogFact): string {
  return String(data['agent']);
}

/** How long, between the two, fewer than `BUSY` ran. */
function idleWithin(runs: readonly Run[], fromMs: number, toMs: number): number {
  const inside = runs.flatMap((run) => [run.fromMs, run.toMs]).filter((at) => at > fromMs && at < toMs);
  const times = [fromMs, ...inside.toSorted((a, b) => a - b), toMs];
  return times.slice(1).reduce((idle, end, index) => {
    const start = times[index] ?? end;
    const running = runs.filter((run) => run.fromMs <= start && run.toMs > start).length;
    return running < BUSY ? idle + Math.max(0, end - start) : idle;
  }, 0);
}

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
