import { judge, type Invariant } from './evidence.ts';
import { keyOf } from './task-stories.ts';

export const acceptedOnce: Invariant = {
  number: 1,
  name: 'accepted-once',
  promise: 'every accepted request is exactly one TaskSubmitted; an unknown one is none or one; a refused one is none',
  always: true,
  check({ operations, events, prefix }) {
    const logged = Map.groupBy(
      events.filter(({ type }) => type === 'TaskSubmitted'),
      keyOf,
    );
    const asked = Map.groupBy(
      operations.filter(({ op, key }) => op === 'submit' && key.startsWith(prefix)),
      ({ key }) => key,
    );
    return judge(asked, ([key, submits]) => {
      const times = logged.get(key)?.length ?? 0;
      if (times > 1) return `${key} is in the log ${times} times`;
      if (times === 0 && submits.some(({ phase }) => phase === 'ok'))
        return `${key} was accepted, and is not in the log`;
      if (times === 1 && submits.every(({ phase }) => phase === 'fail')) return `${key} was refused, and is in the log`;
      return null;
    });
  },
};
