import { findOrder } from './find-order.ts';
import { judge, type Invariant } from './evidence.ts';

export const leaseOrder: Invariant = {
  number: 6,
  name: 'lease-order',
  promise:
    'what workers saw acknowledged has an order, within the times at which they saw it, in which an older fence never comes after a younger one',
  always: false,
  check({ operations }) {
    const steps = operations.filter(({ op, phase }) => op === 'step' && phase === 'ok');
    const byTask = Map.groupBy(steps, ({ asked }) => asked.task ?? '');
    return judge(byTask, ([task, own]) => {
      const seen = own.map(({ invokedAt, endedAt, asked }) => ({ invokedAt, endedAt, what: asked.fence ?? 0 }));
      // The lease is a register that only rises: taking a step under a fence is legal while no younger one has taken any.
      const order = findOrder(seen, 0, (held, fence) => (fence >= held ? fence : undefined));
      if (order !== undefined) return null;
      const fences = own.map(({ asked, invokedAt, endedAt }) => `${asked.fence} [${invokedAt}, ${endedAt}]`);
      return `${task}: no order explains the steps acknowledged under fences ${fences.join(', ')}`;
    });
  },
};
