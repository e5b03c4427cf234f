import { judge, type Invariant } from './evidence.ts';
import { taskOf } from './task-stories.ts';

export const oneReceipt: Invariant = {
  number: 18,
  name: 'one-receipt',
  promise: 'of each effect one receipt is recorded, under one key, whatever the number of attempts',
  always: false,
  check({ events, operations }) {
    const receipts = Map.groupBy(
      events.filter(({ type }) => type === 'StepCompleted'),
      (event) => `${taskOf(event)}/${String(event.data['index'])}/${String(event.data['step'])}`,
    );
    const calls = operations.filter(({ op }) => op === 'step');
    const keys = new Set(
      events.flatMap((event) => (event.type === 'StepStarted' ? [String(event.data['effectKey'])] : [])),
    );
    const repeated = judge(receipts, ([key, all]) =>
      all.length > 1 ? `${key} was recorded ${all.length} times` : null,
    );
    const called = judge(calls, ({ key }) =>
      keys.has(key) ? null : `the world was called with ${key}: no intent has that key`,
    );
    return { checked: repeated.checked + called.checked, violations: [...repeated.violations, ...called.violations] };
  },
};
