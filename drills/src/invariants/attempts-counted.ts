import { judge, type Evidence, type Invariant } from './evidence.ts';
import { ownStories, type TaskStory } from './task-stories.ts';

export const attemptsCounted: Invariant = {
  number: 9,
  name: 'attempts-counted',
  promise:
    'failures of a life are at most its maxAttempts, crashes at most its maxCrashes; what failed says why, and nothing expires without a cause',
  always: true,
  check: (evidence) => judge(ownStories(evidence), (story) => wrongCounts(story, evidence)),
};

function wrongCounts({ id, submitted, events }: TaskStory, { excuses }: Evidence): readonly string[] {
  const wrong: string[] = [];
  const [maxAttempts, maxCrashes] = [Number(submitted.data['maxAttempts']), Number(submitted.data['maxCrashes'])];
  let [failures, crashes] = [0, 0];
  for (const { type, data, recordedAtMs } of events) {
    if (type === 'TaskRetried') [failures, crashes] = [0, 0];
    if (type === 'AttemptFailed' || type === 'AttemptExpired') failures += 1;
    if (type === 'AttemptExpired') {
      crashes += 1;
      if (!excuses.some(({ fromMs, toMs }) => fromMs <= recordedAtMs && recordedAtMs <= toMs))
        wrong.push(`${id}: an attempt expired, and nobody had hurt its worker`);
    }
    if (type === 'TaskFailed')
      wrong.push(...wrongCause(id, data['error'], { failures, crashes, maxAttempts, maxCrashes }));
  }
  if (failures > maxAttempts) wrong.push(`${id}: ${failures} failed attempts of at most ${maxAttempts}`);
  if (crashes > maxCrashes) wrong.push(`${id}: ${crashes} crashes of at most ${maxCrashes}`);
  return wrong;
}

type Counts = Readonly<Record<'failures' | 'crashes' | 'maxAttempts' | 'maxCrashes', number>>;

function wrongCause(
  id: string,
  error: unknown,
  { failures, crashes, maxAttempts, maxCrashes }: Counts,
): readonly string[] {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== 'string' || code === '') return [`${id} failed without a cause`];
  if (code === 'TASK_EXPIRED') return [];
  if (code === 'WORKER_LOST' && crashes < maxCrashes && failures < maxAttempts)
    return [`${id} failed with ${code} after ${crashes} crashes and ${failures} failures`];
  return failures === 0 ? [`${id} failed with ${code}, and no attempt of it had failed`] : [];
}
