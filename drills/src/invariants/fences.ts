import { judge, type Invariant } from './evidence.ts';
import { fenceOf, ownStories } from './task-stories.ts';

const UNDER_A_FENCE: ReadonlySet<string> = new Set([
  'AttemptReleased',
  'AttemptFailed',
  'AttemptExpired',
  'StepStarted',
  'StepCompleted',
  'TaskCompleted',
  'TaskCancelRequested',
]);

export const fences: Invariant = {
  number: 6,
  name: 'fences',
  promise: 'fences rise and never fall; whatever an attempt records carries the newest fence before it',
  always: true,
  check: (evidence) =>
    judge(ownStories(evidence), ({ id, events }) => {
      const wrong: string[] = [];
      let newest = 0;
      for (const event of events) {
        const fence = fenceOf(event);
        if (event.type === 'AttemptStarted') {
          if (!(fence > newest)) wrong.push(`${id}: fence ${fence} after ${newest}`);
          newest = fence;
        } else if (UNDER_A_FENCE.has(event.type) && fence !== newest) {
          wrong.push(`${id}: ${event.type} under fence ${fence}, and ${newest} held the claim`);
        }
      }
      return wrong;
    }),
};
