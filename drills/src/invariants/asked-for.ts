import { judge, type Invariant } from './evidence.ts';
import { keyOf } from './task-stories.ts';

export const askedFor: Invariant = {
  number: 3,
  name: 'asked-for',
  promise: 'no task that nobody asked for, no end that nobody asked for',
  always: true,
  check({ operations, events, prefix, alone }) {
    const asked = (op: string) => new Set(operations.filter((one) => one.op === op).map(({ key }) => key));
    const [submits, cancels, retries] = [asked('submit'), asked('cancel'), asked('retry')];
    const keys = new Map(
      events.flatMap((event) => (event.type === 'TaskSubmitted' ? [[event.stream, keyOf(event)]] : [])),
    );
    const mine = events.filter(({ stream }) => alone || keys.get(stream)?.startsWith(prefix));
    return judge(mine, ({ type, stream }) => {
      const key = keys.get(stream);
      if (key === undefined) return null;
      switch (type) {
        case 'TaskSubmitted':
          return submits.has(key) ? null : `${stream} was asked for by nobody: key "${key}"`;
        case 'TaskCancelled':
        case 'TaskCancelRequested':
          return cancels.has(key) ? null : `${stream} was cancelled by nobody`;
        case 'TaskRetried':
          return retries.has(key) ? null : `${stream} was retried by nobody`;
        default:
          return null;
      }
    });
  },
};
