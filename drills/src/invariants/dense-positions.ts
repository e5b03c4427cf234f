import { judge, type Invariant } from './evidence.ts';

export const densePositions: Invariant = {
  number: 10,
  name: 'dense-positions',
  promise: 'positions are dense, times do not fall along them; digests and chain hold, from the first event',
  always: true,
  check({ events, from, verify }) {
    let [position, recordedAtMs] = [from, -Infinity];
    const { checked, violations } = judge(events, (event) => {
      const wrong: string[] = [];
      if (event.position !== position + 1) wrong.push(`position ${event.position} comes after ${position}`);
      if (event.recordedAtMs < recordedAtMs) wrong.push(`position ${event.position} is older than the one before it`);
      ({ position, recordedAtMs } = event);
      return wrong;
    });
    const chain = verify.problems.filter((problem) => /^positions?\b/.test(problem));
    const head = position === verify.head ? [] : [`the log was read to ${position}, and its head is ${verify.head}`];
    return { checked, violations: [...violations, ...chain, ...head] };
  },
};
