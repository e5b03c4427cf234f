import { isDeepStrictEqual } from 'node:util';
import { judge, type Invariant } from './evidence.ts';

export const earlierIsPrefix: Invariant = {
  number: 11,
  name: 'earlier-is-prefix',
  promise: 'what was read of the log under load is a prefix of what is there in the end',
  always: true,
  check: ({ earlier, events }) =>
    judge(earlier.entries(), ([index, event]) =>
      isDeepStrictEqual(event, events[index]) ? null : `position ${event.position} was read otherwise before`,
    ),
};
