import { judge, type Invariant } from './evidence.ts';
import { ownStories } from './task-stories.ts';

export const oneAtATime: Invariant = {
  number: 7,
  name: 'one-at-a-time',
  promise: 'of the tasks with one concurrencyKey, one runs at a time',
  always: false,
  check(evidence) {
    const keyed = ownStories(evidence).filter(({ submitted }) => typeof submitted.data['concurrencyKey'] === 'string');
    const attempts = keyed.flatMap(({ id, submitted, attempts }) =>
      attempts.map(({ end, fence, ...attempt }) => {
        const start = evidence.events.find(
          (event) => event.stream === submitted.stream && event.data['fence'] === fence,
        );
        const [from, to] = [start?.position ?? 0, end?.position ?? Infinity];
        return { ...attempt, id, from, to, key: String(submitted.data['concurrencyKey']) };
      }),
    );
    const inOrder = attempts.toSorted((a, b) => a.from - b.from);
    const running = new Map<string, (typeof inOrder)[number]>();
    return judge(inOrder, (attempt) => {
      const before = running.get(attempt.key);
      running.set(attempt.key, attempt);
      if (before === undefined || before.to < attempt.from || before.id === attempt.id) return null;
      return `${attempt.id} began while ${before.id} ran: both have the concurrencyKey ${attempt.key}`;
    });
  },
};
