import { judge, type Invariant } from './evidence.ts';

export const bounded: Invariant = {
  number: 26,
  name: 'bounded',
  promise: "Redis' memory, and each service's memory and open files, stay below their bounds",
  always: true,
  check: ({ usage }) =>
    judge(usage, ({ of, what, value, max }) => (value > max ? `${of}: ${what} ${value}, over ${max}` : null)),
};
