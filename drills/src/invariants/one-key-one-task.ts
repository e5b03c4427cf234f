import { both, judge, type Invariant } from './evidence.ts';
import { ownStories } from './task-stories.ts';

export const oneKeyOneTask: Invariant = {
  number: 2,
  name: 'one-key-one-task',
  promise: 'the same key is the same task, whoever asks and how often; another body under it is refused',
  always: true,
  check(evidence) {
    const inLog = new Map(ownStories(evidence).map(({ key, id }) => [key, id]));
    const answers = Map.groupBy(
      evidence.operations.filter(({ op, phase }) => op === 'submit' && phase === 'ok'),
      ({ key }) => key,
    );
    const others = evidence.operations.filter(({ op }) => op === 'submit-other');
    return both(
      judge(answers, ([key, submits]) => {
        const ids = new Set(submits.map(({ answered }) => answered.task));
        const [id] = ids;
        if (ids.size > 1) return `${key} was answered with ${ids.size} tasks: ${[...ids].join(', ')}`;
        if (inLog.has(key) && inLog.get(key) !== id)
          return `${key} was answered with ${id}; the log has ${inLog.get(key)}`;
        return null;
      }),
      judge(others, ({ key, phase, answered }) => {
        if (phase === 'ok') return `${key}: another body under it was accepted`;
        const isRefused = phase === 'info' || answered.code === 'IDEMPOTENCY_MISMATCH';
        return isRefused ? null : `${key}: another body under it was refused with ${answered.code}`;
      }),
    );
  },
};
