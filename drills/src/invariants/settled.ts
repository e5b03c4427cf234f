import { judge, type Invariant } from './evidence.ts';
import { ownStories } from './task-stories.ts';

export const settled: Invariant = {
  number: 8,
  name: 'settled',
  promise: '30 s after the last fault was healed every task is finished, or waits with a reason that is one',
  always: true,
  check(evidence) {
    return judge(ownStories(evidence), ({ id, events, outcomes }) => {
      const last = outcomes.at(-1);
      const isOpen =
        last === undefined || events.some(({ type, life }) => type === 'TaskRetried' && life > last.event.life);
      if (!isOpen || evidence.open.get(id) === 'DUE_LATER') return null;
      return `${id} is open: ${evidence.open.get(id) ?? 'nobody says why'}`;
    });
  },
};
