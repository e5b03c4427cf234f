import { judge, type Invariant, type LogFact } from './evidence.ts';
import { ownStories } from './task-stories.ts';

type Place = 'none' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Event → from where → to where. */
const MOVES: Readonly<Record<string, Readonly<Partial<Record<Place, Place>>>>> = {
  TaskSubmitted: { none: 'queued' },
  AttemptStarted: { queued: 'running' },
  AttemptReleased: { running: 'queued' },
  StepStarted: { running: 'running' },
  StepCompleted: { running: 'running' },
  AttemptFailed: { running: 'queued' },
  AttemptExpired: { running: 'queued' },
  TaskCompleted: { running: 'completed' },
  TaskFailed: { queued: 'failed' },
  TaskCancelRequested: { running: 'running' },
  TaskCancelled: { queued: 'cancelled', running: 'cancelled' },
  TaskRetried: { failed: 'queued' },
};

export const legalTransitions: Invariant = {
  number: 7,
  name: 'legal-transitions',
  promise: 'versions are 1…n, and each event may follow the one before it; steps are recorded once and in their order',
  always: true,
  check: (evidence) => judge(ownStories(evidence), ({ id, events }) => wrongMoves(id, events)),
};

function wrongMoves(id: string, events: readonly LogFact[]): readonly string[] {
  const wrong: string[] = [];
  let place: Place = 'none';
  let steps = 0;
  for (const [index, { version, type, data }] of events.entries()) {
    if (version !== index + 1) wrong.push(`${id}: version ${version} where ${index + 1} belongs`);
    const moves = MOVES[type];
    // Of a newer release: it is not ours to judge.
    if (moves === undefined) continue;
    const next: Place | undefined = moves[place];
    if (next === undefined) wrong.push(`${id}: ${type} (version ${version}) while it was ${place}`);
    place = next ?? place;
    if (type !== 'StepCompleted') continue;
    if (data['index'] !== steps) wrong.push(`${id}: step ${String(data['index'])} where step ${steps} belongs`);
    steps += 1;
  }
  return wrong;
}
