import { judge, type Invariant } from './evidence.ts';
import { ownStories } from './task-stories.ts';

export const oneOutcome: Invariant = {
  number: 4,
  name: 'one-outcome',
  promise: 'at most one outcome per life of a task',
  always: true,
  check: (evidence) =>
    judge(ownStories(evidence), ({ id, outcomes }) => {
      const lives = Map.groupBy(outcomes, ({ event }) => event.life);
      return [...lives]
        .filter(([, ends]) => ends.length > 1)
        .map(
          ([life, ends]) =>
            `${id}: life ${life} ended ${ends.length} times: ${ends.map((one) => one.outcome).join(', ')}`,
        );
    }),
};
