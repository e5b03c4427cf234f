import { judge, type Invariant } from './evidence.ts';
import { ownStories } from './task-stories.ts';

const MUST_BE: Readonly<Record<string, readonly string[]>> = {
  submit: ['TaskSubmitted'],
  cancel: ['TaskCancelled', 'TaskCancelRequested'],
  retry: ['TaskRetried'],
};

export const kept: Invariant = {
  number: 19,
  name: 'kept',
  promise: 'what was acknowledged before a fault is there after it: tasks, cancellations, retries',
  always: true,
  check(evidence) {
    const stories = new Map(ownStories(evidence).map((story) => [story.key, story]));
    const faults = evidence.operations.filter(({ op }) => op === 'fault');
    const lastFaultAt = Math.max(0, ...faults.map(({ endedAt }) => endedAt).filter(Number.isFinite));
    const acknowledged = evidence.operations.filter(
      ({ op, phase, endedAt }) => MUST_BE[op] !== undefined && phase === 'ok' && endedAt < lastFaultAt,
    );
    return judge(acknowledged, ({ op, key, answered }) => {
      const wanted = MUST_BE[op] ?? [];
      const story = stories.get(key);
      const isThere = story?.id === answered.task && story?.events.some(({ type }) => wanted.includes(type));
      return isThere ? null : `${op} of ${key} was acknowledged, and the log has no ${wanted.join(' or ')}`;
    });
  },
};
