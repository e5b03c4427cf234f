/** Each invariant can fail: for each a lie about a sound schedule that it, and whoever, must see. */
import { describe, expect, test } from 'vitest';
import { INVARIANTS } from './catalog.ts';
import {
  again,
  accepted,
  event,
  healthSaid,
  heard,
  instead,
  soundEvidence,
  stepOf,
  unheard,
  verifySaid,
  without,
  type Lie,
} from './sound-evidence.ts';

const isOf =
  (task: string) =>
  ({ stream }: { readonly stream: string }) =>
    stream === `task/${task}`;

const LIES: readonly (readonly [invariant: string, lie: string, Lie])[] = [
  ['accepted-once', 'an accepted task is not in the log', without(isOf('task-1'))],
  ['accepted-once', 'one request became two tasks', again('TaskSubmitted', 1, { stream: 'task/task-9' })],
  [
    'accepted-once',
    'a refused request is in the log',
    again('TaskSubmitted', 1, { stream: 'task/task-8', data: { idempotencyKey: 'run-8' } }),
  ],
  [
    'one-key-one-task',
    'the repeat was answered with another task',
    heard('submit', 'run-1', { answered: { task: 'task-2' } }),
  ],
  [
    'one-key-one-task',
    'the answer names a task that the log has under another key',
    event('TaskSubmitted', { stream: 'task/task-9' }),
  ],
  [
    'one-key-one-task',
    'another body under the key was accepted',
    heard('submit-other', 'run-2', { answered: { task: 'task-2' } }),
  ],
  [
    'one-key-one-task',
    'another body was refused for a wrong reason',
    heard('submit-other', 'run-2', { phase: 'fail', answered: { code: 'INTERNAL' } }),
  ],
  [
    'asked-for',
    'a task that nobody asked for',
    again('TaskSubmitted', 1, { stream: 'task/task-9', data: { idempotencyKey: 'run-99' } }),
  ],
  ['asked-for', 'a task without a key', again('TaskSubmitted', 1, { stream: 'task/task-9', data: {} })],
  ['asked-for', 'a cancellation that nobody asked for', unheard(({ op }) => op === 'cancel')],
  ['asked-for', 'a retry that nobody asked for', unheard(({ op }) => op === 'retry')],
  ['one-outcome', 'a life ended twice', again('TaskCompleted')],
  ['one-outcome', 'a completed task was cancelled', again('TaskCompleted', 1, { type: 'TaskCancelled' })],
  ['acknowledged-ends', 'a completion that somebody saw is gone', without(({ type }) => type === 'TaskCompleted')],
  ['acknowledged-ends', 'another output was seen', event('TaskCompleted', { data: { fence: 1, output: 'another' } })],
  [
    'acknowledged-ends',
    'the output of one attempt under the fence of another',
    event('TaskCompleted', { data: { fence: 2, output: { attempt: 1 } } }),
  ],
  ['acknowledged-ends', 'an acknowledged step is gone', without(({ type }) => type === 'StepCompleted')],
  ['fences', 'a fence that does not rise', event('AttemptStarted', { data: { fence: 1 } }, 3)],
  ['fences', 'a completion under an older fence', event('TaskCompleted', { data: { fence: 1 } }, 2)],
  ['fences', 'a step under another fence', event('StepCompleted', { data: { fence: 2, index: 0 } })],
  ['lease-order', 'an older fence after a younger one', (sound) => stepOf(1, 30, 40)(stepOf(2, 10, 20)(sound))],
  ['legal-transitions', 'a version is missing', event('AttemptStarted', { version: 7 })],
  ['legal-transitions', 'an attempt of a task that runs', event('AttemptExpired', { type: 'AttemptStarted' })],
  ['legal-transitions', 'something after the end', again('StepStarted', 1, { version: 6 })],
  ['legal-transitions', 'a step was left out', event('StepCompleted', { data: { fence: 1, index: 1 } })],
  [
    'nothing-early',
    'an attempt before the task is due',
    event('TaskSubmitted', { data: { idempotencyKey: 'run-1', dueInMs: 1_000 } }),
  ],
  [
    'nothing-early',
    'a retry before its wait is over',
    event('AttemptExpired', { data: { fence: 1, retryInMs: 1_000 } }),
  ],
  [
    'nothing-early',
    'an attempt after the task had expired',
    event('TaskSubmitted', { data: { idempotencyKey: 'run-1', dueInMs: 0, expiresInMs: 5 } }),
  ],
  [
    'one-at-a-time',
    'two of one concurrencyKey at once',
    without(({ stream, type }) => stream === 'task/task-5' && type === 'TaskCompleted'),
  ],
  ['settled', 'a task is open', without(({ stream, type }) => stream === 'task/task-1' && type === 'TaskCompleted')],
  [
    'settled',
    'a retried one is open',
    without(({ stream, life, type }) => isOf('task-3')({ stream }) && life === 2 && type === 'TaskCompleted'),
  ],
  [
    'attempts-counted',
    'more failures than allowed',
    event('TaskSubmitted', { data: { idempotencyKey: 'run-2', maxAttempts: 0, maxCrashes: 2 } }, 2),
  ],
  [
    'attempts-counted',
    'more crashes than allowed',
    event('TaskSubmitted', { data: { idempotencyKey: 'run-2', maxAttempts: 3, maxCrashes: 0 } }, 2),
  ],
  ['attempts-counted', 'an attempt expired though its worker was well', instead({ excuses: [] })],
  ['attempts-counted', 'failed without a cause', event('TaskFailed', { data: {} })],
  [
    'attempts-counted',
    'given up as lost too early',
    event('TaskFailed', { data: { error: { code: 'WORKER_LOST' } }, stream: 'task/task-1' }),
  ],
  ['dense-positions', 'a position is missing', without(({ position }) => position === 103)],
  ['dense-positions', 'an event is older than the one before it', event('TaskCompleted', { recordedAtMs: 0 })],
  ['dense-positions', 'the tail is missing', without(({ type, version }) => type === 'EpochStarted' && version === 2)],
  ['dense-positions', 'the chain breaks', verifySaid('positions 1–2: the chain breaks here')],
  [
    'earlier-is-prefix',
    'what was read before is not there',
    event('TaskSubmitted', { data: { idempotencyKey: 'run-1' } }),
  ],
  ['tickets-open', 'a ticket of a finished task', instead({ tickets: ['task-1'] })],
  ['tickets-open', 'a ticket of a task that the log does not know', instead({ tickets: ['task-9'] })],
  ['no-starvation', 'a task was due for long', event('AttemptStarted', { recordedAtMs: 60_000 })],
  ['rows-are-folds', 'a row is not the fold', verifySaid('task 1: its row is not the fold of its events (status)')],
  ['feed-is-log', 'the feed has what the log has not', without(({ position }) => position === 103)],
  ['feed-is-log', 'the feed lacks the tail', instead({ feed: [] })],
  ['feed-is-log', 'the feed has another event', event('TaskCancelled', { type: 'TaskCompleted' })],
  ['feed-is-log', 'the feed is in another order', (sound) => ({ ...sound, feed: (sound.feed ?? []).toReversed() })],
  ['one-receipt', 'a receipt was recorded twice', again('StepCompleted')],
  [
    'one-receipt',
    'an effect under a key of its own',
    event('StepStarted', { data: { effectKey: 'task-1/0/effect/2' } }),
  ],
  [
    'one-receipt',
    'another attempt began the effect under a key of its own',
    again('StepStarted', 1, { data: { fence: 2, index: 0, step: 'effect', effectKey: 'task-1/2/0/effect' } }),
  ],
  ['kept', 'an acknowledged task is gone', without(isOf('task-2'))],
  ['kept', 'an acknowledged cancellation is gone', without(({ type }) => type === 'TaskCancelled')],
  ['kept', 'an acknowledged retry is gone', without(({ type }) => type === 'TaskRetried')],
  ['epochs-rise', 'an epoch was used twice', event('EpochStarted', { data: { epoch: 1, term: 1 } }, 2)],
  ['epochs-rise', 'a term fell', event('EpochStarted', { data: { epoch: 2, term: 0 } }, 2)],
  [
    'explicit-refusals',
    'a refusal without a code',
    heard('submit', 'run-1', { phase: 'fail', answered: { http: 400 } }),
  ],
  [
    'explicit-refusals',
    'a bug was answered',
    heard('submit', 'run-1', { phase: 'fail', answered: { http: 500, code: 'INTERNAL' } }),
  ],
  [
    'explicit-refusals',
    'come later, but when?',
    heard('submit', 'run-1', { phase: 'info', answered: { http: 503, code: 'STORE_UNAVAILABLE' } }),
  ],
  ['bounded', 'Redis grew', instead({ usage: [{ of: 'redis', what: 'MB', value: 33, max: 32 }] })],
  [
    'health-tells',
    'health called up what was down',
    (sound) => healthSaid(8_500, 'up')(healthSaid(6_400, 'up')({ ...sound, lostMs: 10_000 })),
  ],
  [
    'health-tells',
    'health called down what was up',
    (sound) => healthSaid(33_000, 'down')(healthSaid(30_000, 'down')(sound)),
  ],
];

test.each(INVARIANTS)('$name holds in a sound schedule, and had something to check', ({ check }) => {
  const { checked, violations } = check(soundEvidence());
  expect(violations).toEqual([]);
  expect(checked).toBeGreaterThan(0);
});

describe('seen by the invariant', () => {
  test.each(LIES)('%s: %s', (name, _, lie) => {
    const invariant = INVARIANTS.find((one) => one.name === name);
    expect(invariant?.check(lie(soundEvidence())).violations).not.toEqual([]);
  });
});

test('no invariant is without a lie that it has seen', () => {
  const seen = new Set(LIES.map(([name]) => name));
  expect(INVARIANTS.filter(({ name }) => !seen.has(name))).toEqual([]);
});

test('what is unknown is no violation, whether it happened or not', () => {
  const unknown = heard('submit', 'run-9', { phase: 'info', endedAt: Infinity });
  for (const { check } of INVARIANTS) {
    expect(check(unknown(soundEvidence())).violations).toEqual([]);
    const happened = unheard(({ key, op }) => key === 'run-6' && op === 'submit');
    const sound = happened(soundEvidence());
    const operations = [...sound.operations, accepted(6, { phase: 'info', answered: {}, endedAt: Infinity })];
    expect(check({ ...sound, operations }).violations).toEqual([]);
  }
});
