import type { Invariant } from './evidence.ts';

export const rowsAreFolds: Invariant = {
  number: 15,
  name: 'rows-are-folds',
  promise: 'every other table is the fold of the log: tasks, outcomes, submissions, streams, counters',
  always: true,
  check: ({ verify, events }) => ({
    checked: events.length,
    violations: verify.problems.filter((problem) => !/^positions?\b/.test(problem)),
  }),
};
