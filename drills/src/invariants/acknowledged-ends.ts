import { isDeepStrictEqual } from 'node:util';
import { both, judge, type Invariant } from './evidence.ts';
import { fenceOf, ownStories, taskOf } from './task-stories.ts';

export const acknowledgedEnds: Invariant = {
  number: 5,
  name: 'acknowledged-ends',
  promise:
    'what a caller saw completed, and what a worker was told is recorded, is in the log, with its fence and its output',
  always: true,
  check(evidence) {
    const stories = new Map(ownStories(evidence).map((story) => [story.id, story]));
    const seen = evidence.operations.filter(
      ({ op, phase, answered }) => op === 'read' && phase === 'ok' && answered.status === 'completed',
    );
    const steps = evidence.operations.filter(({ op, phase }) => op === 'step' && phase === 'ok');
    const recorded = new Set(
      evidence.events.flatMap((event) =>
        event.type === 'StepCompleted' ? [`${taskOf(event)}/${fenceOf(event)}/${String(event.data['step'])}`] : [],
      ),
    );
    return both(
      judge(seen, ({ answered: { task = '', output } }) => {
        const completed = stories.get(task)?.outcomes.find(({ outcome }) => outcome === 'completed');
        if (completed === undefined) return `${task} was seen completed; the log does not say so`;
        const logged = completed.event.data['output'];
        if (!isDeepStrictEqual(logged, output)) return `${task} was seen with an output that the log does not have`;
        const by = attemptOf(logged);
        const fence = fenceOf(completed.event);
        return by === undefined || by === fence
          ? null
          : `${task}: the output of attempt ${by} is recorded under fence ${fence}`;
      }),
      judge(steps, ({ asked: { task, fence }, key }) =>
        recorded.has(`${task}/${fence}/effect`)
          ? null
          : `${key}: its worker was told that it is recorded, under fence ${fence}`,
      ),
    );
  },
};

/** Agents of the drills say in their output which attempt made it. */
function attemptOf(output: unknown): number | undefined {
  if (typeof output !== 'object' || output === null || !('attempt' in output)) return undefined;
  return Number(output.attempt);
}
