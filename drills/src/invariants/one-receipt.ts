import { both, judge, type Invariant, type LogFact } from './evidence.ts';
import { taskOf } from './task-stories.ts';

export const oneReceipt: Invariant = {
  number: 18,
  name: 'one-receipt',
  promise: 'of each effect one receipt is recorded, under one key, whatever the number of attempts',
  always: false,
  check({ events, operations }) {
    const receipts = Map.groupBy(ofType(events, 'StepCompleted'), stepOf);
    const intents = Map.groupBy(ofType(events, 'StepStarted'), stepOf);
    const calls = operations.filter(({ op }) => op === 'step');
    const keys = new Set(ofType(events, 'StepStarted').map(keyOf));
    const repeated = judge(receipts, ([key, all]) =>
      all.length > 1 ? `${key} was recorded ${all.length} times` : null,
    );
    const renamed = judge(intents, ([step, all]) => {
      const own = new Set(all.map(keyOf));
      return own.size > 1 ? `${step} was begun under ${[...own].join(' and ')}: the world cannot know it again` : null;
    });
    const called = judge(calls, ({ key }) =>
      keys.has(key) ? null : `the world was called with ${key}: no intent has that key`,
    );
    return both(repeated, renamed, called);
  },
};

function ofType(events: readonly LogFact[], type: string): readonly LogFact[] {
  return events.filter((event) => event.type === type);
}

function stepOf(event: LogFact): string {
  return `${taskOf(event)}/${String(event.data['index'])}/${String(event.data['step'])}`;
}

function keyOf({ data }: LogFact): string {
  return String(data['effectKey']);
}
