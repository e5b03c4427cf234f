import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { decide, evolve, fold, INITIAL, isFinished, isOutcome, type Command, type Event, type State } from './task.ts';

const SUBMIT: Command & { type: 'Submit' } = {
  type: 'Submit',
  agent: 'echo',
  input: {},
  priority: 2,
  maxAttempts: 3,
  maxCrashes: 2,
  dueInMs: 0,
  expiresInMs: null,
  concurrencyKey: null,
  labels: {},
  idempotencyKey: null,
  requestDigest: 'digest',
};
const ERROR = { code: 'OOPS', message: 'it failed' };

const start = (claimId: string) =>
  ({
    type: 'Start',
    claimId,
    worker: 'w',
    agentVersion: '1',
    leaseMs: 10_000,
  }) satisfies Command;
const complete = (fence: number): Command => ({ type: 'Complete', fence, output: 'done' });
const fail = (fence: number, retryInMs: number | null = 0): Command => ({
  type: 'Fail',
  fence,
  error: ERROR,
  retryInMs,
});
const expire = (fence: number, begun = true): Command => ({ type: 'Expire', fence, retryInMs: 0, begun });
const release = (fence: number): Command => ({ type: 'Release', fence });
const cancel: Command = { type: 'Cancel', reason: 'not needed', graceMs: 10_000 };
const cut = (fence: number): Command => ({ type: 'CutCancelled', fence });
const retry = (life: number | null = null): Command => ({ type: 'Retry', life, dueInMs: 0 });
const expireTask: Command = { type: 'ExpireTask' };
const startStep = (fence: number, index: number): Command => ({
  type: 'StartStep',
  fence,
  index,
  step: `s${index}`,
  effectKey: 'k',
});
const completeStep = (fence: number, index: number): Command => ({
  type: 'CompleteStep',
  fence,
  index,
  step: `s${index}`,
  output: index,
});

function after(...commands: readonly Command[]): State {
  return commands.reduce<State>((state, command) => decide(command, state).reduce(evolve, state), INITIAL);
}

function types(events: readonly Event[]): string[] {
  return events.map(({ type }) => type);
}

/** What a command comes to: the types of its events, or the code of its refusal. */
function verdict(command: Command, state: State): string[] | string {
  try {
    return types(decide(command, state));
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

function fenceOf(state: State): number {
  return state.status === 'none' ? 0 : state.fence;
}

function lifeOf(state: State): number {
  return state.status === 'none' ? 0 : state.life;
}

describe('a task', () => {
  test('is submitted once: a repeat is nothing new, another request under its id is refused', () => {
    const state = after(SUBMIT);
    expect(state).toMatchObject({ status: 'queued', life: 1, fence: 0, events: 1 });
    expect(verdict(SUBMIT, state)).toEqual([]);
    expect(verdict({ ...SUBMIT, requestDigest: 'other' }, state)).toBe('IDEMPOTENCY_MISMATCH');
    expect(verdict(SUBMIT, after(SUBMIT, start('a'), complete(1)))).toEqual([]);
  });

  test('is started once, by the claim that comes first', () => {
    const state = after(SUBMIT, start('a'));
    expect(state).toMatchObject({ status: 'running', fence: 1, claimId: 'a' });
    expect(verdict(start('a'), state)).toEqual([]);
    expect(verdict(start('b'), state)).toEqual([]);
    expect(verdict(start('a'), INITIAL)).toEqual([]);
  });

  test('is not started again by a claim that comes once more after its attempt ended', () => {
    for (const end of [release(1), fail(1), expire(1)]) {
      const state = after(SUBMIT, start('a'), end);
      expect(verdict(start('a'), state)).toEqual([]);
      expect(verdict(start('b'), state)).toEqual(['AttemptStarted']);
    }
  });

  test('takes an outcome only from the fence that holds the claim', () => {
    const running = after(SUBMIT, start('a'));
    for (const fence of [0, 2]) {
      for (const outcome of [complete(fence), fail(fence), release(fence)])
        expect(verdict(outcome, running)).toBe('FENCED');
      expect(verdict(expire(fence), running)).toEqual([]);
    }
    expect(verdict(complete(1), running)).toEqual(['TaskCompleted']);
  });

  test.each([
    ['an expiry', expire(1)],
    ['a release', release(1)],
    ['a failure', fail(1)],
  ])('refuses a zombie after %s, whether somebody else has it by then or not', (_, end) => {
    for (const state of [after(SUBMIT, start('a'), end), after(SUBMIT, start('a'), end, start('b'))]) {
      expect(verdict(complete(1), state)).toBe('FENCED');
      expect(verdict(completeStep(1, 0), state)).toBe('FENCED');
      expect(verdict(startStep(1, 0), state)).toBe('FENCED');
    }
  });

  test('answers "recorded" to the same outcome of the same fence, and refuses another one', () => {
    const outcomes = { complete: complete(1), fail: fail(1), failForGood: fail(1, null), release: release(1) };
    for (const [name, outcome] of Object.entries(outcomes)) {
      const state = after(SUBMIT, start('a'), outcome);
      const others = Object.values(outcomes).filter(({ type }) => type !== outcome.type);
      expect([name, verdict(outcome, state), ...others.map((other) => verdict(other, state))]).toEqual([
        name,
        [],
        ...others.map(() => 'FENCED'),
      ]);
    }
  });

  test('fails for good after maxAttempts failures, or when the agent says it is not retryable', () => {
    const twice = [SUBMIT, start('a'), fail(1), start('b'), fail(2), start('c')];
    expect(verdict(fail(3), after(...twice))).toEqual(['AttemptFailed', 'TaskFailed']);
    expect(after(...twice, fail(3))).toMatchObject({ status: 'failed', failures: 3, error: ERROR });
    expect(verdict(fail(1, null), after(SUBMIT, start('a')))).toEqual(['AttemptFailed', 'TaskFailed']);
  });

  test('fails for good after maxCrashes expiries, with the cause', () => {
    const state = after(SUBMIT, start('a'), expire(1), start('b'));
    expect(types(decide(expire(2), state))).toEqual(['AttemptExpired', 'TaskFailed']);
    expect(after(SUBMIT, start('a'), expire(1), start('b'), expire(2))).toMatchObject({
      status: 'failed',
      crashes: 2,
      error: {
        code: 'WORKER_LOST',
        message: '2 attempts ended without a word from their worker: w (1), w (2); 2 failed in all',
      },
    });
  });

  test('is released, and loses no attempt, when the lease of a claim runs out that was never begun', () => {
    const state = after(SUBMIT, start('a'), expire(1, false));
    expect(state).toMatchObject({ status: 'queued', failures: 0, crashes: 0, ended: 'released' });
    expect(verdict(expire(1, false), state)).toEqual([]);
    expect(verdict(complete(1), state)).toBe('FENCED');
  });

  test('counts a crash when the attempt recorded something, whatever else was heard of it', () => {
    for (const record of [startStep(1, 0), completeStep(1, 0)]) {
      const state = after(SUBMIT, start('a'), record);
      expect(verdict(expire(1, false), state)).toEqual(['AttemptExpired']);
      // The next attempt begins anew.
      expect(verdict(expire(2, false), after(SUBMIT, start('a'), record, fail(1), start('b')))).toEqual([
        'AttemptReleased',
      ]);
    }
  });

  test('answers "recorded" to an outcome that comes once more after the next claim, and refuses another one', () => {
    const failed = after(SUBMIT, start('a'), fail(1), start('b'));
    expect(verdict(fail(1), failed)).toEqual([]);
    expect(verdict(complete(1), failed)).toBe('FENCED');
    const released = after(SUBMIT, start('a'), release(1), start('b'));
    expect(verdict(release(1), released)).toEqual([]);
    expect(verdict(fail(1), released)).toBe('FENCED');
  });

  test('knows how long its attempt may take', () => {
    const start = (claimId: string, timeoutMs?: number): Command => ({
      type: 'Start',
      claimId,
      worker: 'w',
      agentVersion: '1',
      leaseMs: 1,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    expect(after(SUBMIT, start('a', 500))).toMatchObject({ status: 'running', timeoutMs: 500 });
    expect(after(SUBMIT, start('a', 500), fail(1))).not.toHaveProperty('timeoutMs');
    expect(after(SUBMIT, start('a', 500), fail(1), start('b'))).not.toHaveProperty('timeoutMs');
  });

  test('says by which lane its attempt was claimed, if it is known, with keys in the order in which they are stored', () => {
    const [plain] = decide(start('a'), after(SUBMIT));
    const [ticketed] = decide({ ...start('a'), lane: 'queue', timeoutMs: 500 }, after(SUBMIT));
    expect(plain?.data).not.toHaveProperty('lane');
    expect(ticketed?.data).toMatchObject({ lane: 'queue' });
    const keys = Object.keys(ticketed?.data ?? {});
    expect(keys).toEqual(keys.toSorted());
  });

  test('loses no attempt by a release', () => {
    expect(after(SUBMIT, start('a'), release(1))).toMatchObject({ status: 'queued', failures: 0, fence: 1 });
  });

  test('takes steps in their order and each only once', () => {
    const running = after(SUBMIT, start('a'));
    expect(verdict(completeStep(1, 1), running)).toBe('STEP_OUT_OF_ORDER');
    expect(verdict(startStep(1, 1), running)).toBe('STEP_OUT_OF_ORDER');
    const begun = after(SUBMIT, start('a'), startStep(1, 0));
    expect(verdict(startStep(1, 0), begun)).toEqual([]);
    expect(verdict(startStep(1, 1), begun)).toBe('STEP_OUT_OF_ORDER');
    const recorded = after(SUBMIT, start('a'), startStep(1, 0), completeStep(1, 0));
    expect(verdict(completeStep(1, 0), recorded)).toEqual([]);
    expect(verdict(startStep(1, 0), recorded)).toEqual([]);
    expect(verdict(completeStep(1, 1), recorded)).toEqual(['StepCompleted']);
  });

  test('keeps its recorded steps for the next attempt', () => {
    const state = after(SUBMIT, start('a'), completeStep(1, 0), fail(1), start('b'));
    expect(verdict(completeStep(2, 0), state)).toEqual([]);
    expect(verdict(completeStep(2, 1), state)).toEqual(['StepCompleted']);
  });

  test('begins no step beyond the limit of events, and takes the outcome of one that was begun', () => {
    const running = after(SUBMIT, start('a')) as State & { status: 'running' };
    const full = { ...running, events: LIMITS.eventsPerTask };
    expect(verdict(startStep(1, 0), full)).toBe('TASK_TOO_LONG');
    expect(verdict(completeStep(1, 0), full)).toBe('TASK_TOO_LONG');
    expect(verdict(startStep(1, 0), { ...full, openStep: 0 })).toEqual([]);
    expect(verdict(completeStep(1, 0), { ...full, openStep: 0 })).toEqual(['StepCompleted']);
    expect(verdict(startStep(1, 0), { ...running, stepLength: LIMITS.stepLengthPerTask })).toBe('TASK_TOO_LONG');
    expect(verdict(complete(1), full)).toEqual(['TaskCompleted']);
  });
});

describe('a cancellation', () => {
  test('ends what does not run at once, also between two attempts', () => {
    for (const state of [after(SUBMIT), after(SUBMIT, start('a'), fail(1)), after(SUBMIT, start('a'), release(1))]) {
      expect(verdict(cancel, state)).toEqual(['TaskCancelled']);
    }
    expect(after(SUBMIT, cancel)).toMatchObject({ status: 'cancelled', cancelReason: 'not needed' });
  });

  test('gives what runs a grace, and then cuts it', () => {
    const asked = after(SUBMIT, start('a'), cancel);
    expect(asked).toMatchObject({ status: 'running', fence: 1, cancelReason: 'not needed' });
    expect(verdict(cut(1), asked)).toEqual(['TaskCancelled']);
    const state = after(SUBMIT, start('a'), cancel, cut(1));
    expect(state).toMatchObject({ status: 'cancelled', failures: 0 });
    for (const late of [complete(1), fail(1), release(1), completeStep(1, 0)]) {
      expect(verdict(late, state)).toBe('FENCED');
    }
  });

  test('comes too late for a completion that arrives before the cut', () => {
    const state = after(SUBMIT, start('a'), cancel, completeStep(1, 0), complete(1));
    expect(state).toMatchObject({ status: 'completed', steps: 1 });
    expect(verdict(cut(1), state)).toEqual([]);
  });

  test('takes the place of the retry and of the failure that would follow the attempt', () => {
    const asked = after(SUBMIT, start('a'), cancel);
    expect(verdict(fail(1), asked)).toEqual(['AttemptFailed', 'TaskCancelled']);
    expect(verdict(fail(1, null), asked)).toEqual(['AttemptFailed', 'TaskCancelled']);
    expect(verdict(release(1), asked)).toEqual(['AttemptReleased', 'TaskCancelled']);
    expect(verdict(expire(1), asked)).toEqual(['AttemptExpired', 'TaskCancelled']);
    expect(verdict(fail(1), after(SUBMIT, start('a'), cancel, fail(1)))).toEqual([]);
    expect(verdict(complete(1), after(SUBMIT, start('a'), cancel, fail(1)))).toBe('FENCED');
  });

  test('is a repeat when it was asked for before, and refused when the task has finished otherwise', () => {
    expect(verdict(cancel, after(SUBMIT, cancel))).toEqual([]);
    expect(verdict(cancel, after(SUBMIT, start('a'), cancel))).toEqual([]);
    expect(verdict(cancel, after(SUBMIT, start('a'), cancel, cut(1)))).toEqual([]);
    expect(verdict(cancel, after(SUBMIT, start('a'), complete(1)))).toBe('TASK_FINISHED');
    expect(verdict(cancel, after(SUBMIT, start('a'), fail(1, null)))).toBe('TASK_FINISHED');
    expect(verdict(cancel, INITIAL)).toBe('TASK_NOT_FOUND');
  });

  test('cuts nothing that was not asked to stop, nor the attempt after it', () => {
    expect(verdict(cut(1), after(SUBMIT, start('a')))).toEqual([]);
    expect(verdict(cut(2), after(SUBMIT, start('a'), cancel))).toEqual([]);
    expect(verdict(cut(0), after(SUBMIT))).toEqual([]);
  });
});

describe('a retry', () => {
  const failed = [SUBMIT, start('a'), completeStep(1, 0), fail(1, null)];

  test('opens the next life of a failed task: counts begin anew, the fence rises on, recorded steps stay', () => {
    const state = after(...failed, retry());
    expect(state).toMatchObject({ status: 'queued', life: 2, fence: 1, failures: 0, crashes: 0, steps: 1 });
    expect(verdict(start('a'), state)).toEqual([]);
    expect(after(...failed, retry(), start('b'))).toMatchObject({ status: 'running', fence: 2, steps: 1 });
    expect(verdict(completeStep(2, 0), after(...failed, retry(), start('b')))).toEqual([]);
    expect(verdict(fail(1, null), state)).toEqual([]);
    expect(verdict(complete(1), state)).toBe('FENCED');
  });

  test('of a life that was retried before is a repeat, whatever became of it', () => {
    const again = after(...failed, retry(1));
    expect(verdict(retry(1), again)).toEqual([]);
    expect(verdict(retry(1), after(...failed, retry(1), start('b'), fail(2, null)))).toEqual([]);
    expect(verdict(retry(2), after(...failed, retry(1), start('b'), fail(2, null)))).toEqual(['TaskRetried']);
  });

  test('is for failed tasks only', () => {
    const others = [
      after(SUBMIT),
      after(SUBMIT, start('a')),
      after(SUBMIT, start('a'), complete(1)),
      after(SUBMIT, cancel),
      after(...failed, retry()),
    ];
    for (const state of others) expect(verdict(retry(), state)).toBe('TASK_NOT_FAILED');
    expect(verdict(retry(2), after(...failed))).toBe('TASK_NOT_FAILED');
    expect(verdict(retry(), INITIAL)).toBe('TASK_NOT_FOUND');
  });
});

describe('the expiry of a task', () => {
  test('fails what waits for its attempt, and leaves a running attempt alone', () => {
    for (const state of [after(SUBMIT), after(SUBMIT, start('a'), fail(1))]) {
      expect(verdict(expireTask, state)).toEqual(['TaskFailed']);
    }
    expect(after(SUBMIT, expireTask)).toMatchObject({ status: 'failed', error: { code: 'TASK_EXPIRED' } });
    for (const state of [after(SUBMIT, start('a')), after(SUBMIT, start('a'), complete(1)), after(SUBMIT, cancel)]) {
      expect(verdict(expireTask, state)).toEqual([]);
    }
    expect(verdict(retry(), after(SUBMIT, expireTask))).toEqual(['TaskRetried']);
  });
});

// A wish is a command whose fence is still relative to the task's own: most are right, some are of a zombie or made up.
type Wish = (state: State, serial: number) => Command;

const offset = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) });
const stepOffset = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) });
const stepsOf = (state: State) => (state.status === 'none' ? 0 : state.steps);
const onFence = (make: (fence: number) => Command) =>
  offset.map<Wish>((by) => (state) => make(Math.max(0, fenceOf(state) + by)));
const onStep = (make: (fence: number, index: number) => Command) =>
  fc.tuple(offset, stepOffset).map<Wish>(
    ([by, on]) =>
      (state) =>
        make(Math.max(0, fenceOf(state) + by), Math.max(0, stepsOf(state) + on)),
  );

const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.constantFrom<Wish>(
    () => SUBMIT,
    () => ({ ...SUBMIT, requestDigest: 'other' }),
  ),
  { weight: 4, arbitrary: fc.constant<Wish>((_, serial) => start(`claim ${serial}`)) },
  onFence(complete),
  onFence(expire),
  onFence((fence) => expire(fence, false)),
  onFence(release),
  fc.tuple(offset, fc.constantFrom(null, 0, 500)).map<Wish>(([by, retryInMs]) => (state) => {
    return fail(Math.max(0, fenceOf(state) + by), retryInMs);
  }),
  fc.constantFrom<Wish>(
    () => cancel,
    () => expireTask,
  ),
  onFence(cut),
  fc.constantFrom(null, 0, 0, 0, -1, 1).map<Wish>((by) => (state) => retry(by === null ? null : lifeOf(state) + by)),
  { weight: 2, arbitrary: onStep(startStep) },
  { weight: 3, arbitrary: onStep(completeStep) },
);
const limits = fc.record({ maxAttempts: fc.integer({ min: 1, max: 4 }), maxCrashes: fc.integer({ min: 1, max: 3 }) });
const life = fc.tuple(limits, fc.array(wish, { maxLength: 60 }));

function isRetryOfLife(command: Command): boolean {
  return command.type === 'Retry' && command.life !== null;
}

/** Plays the wishes and calls back on each accepted command, before and after its events. */
function play(
  [own, wishes]: [{ maxAttempts: number; maxCrashes: number }, readonly Wish[]],
  onAccepted: (command: Command, events: readonly Event[], before: State, state: State) => void = () => undefined,
) {
  let state = INITIAL;
  const accepted: Command[] = [];
  const history: Event[] = [];
  for (const [serial, make] of [() => SUBMIT, ...wishes].entries()) {
    const asked = make(state, serial);
    const command: Command = asked.type === 'Submit' ? { ...asked, ...own } : asked;
    const before = state;
    let events: readonly Event[] = [];
    try {
      events = decide(command, state);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
    if (events.length === 0) continue;
    state = events.reduce(evolve, state);
    accepted.push(command);
    history.push(...events);
    onAccepted(command, events, before, state);
  }
  return { state, accepted, history };
}

describe('whatever is asked of a task', () => {
  test('its fence rises by one at each claim and never falls', () => {
    fc.assert(
      fc.property(life, (it) => {
        play(it, (_, events, before, state) => {
          const claims = events.filter(({ type }) => type === 'AttemptStarted').length;
          expect(fenceOf(state)).toBe(fenceOf(before) + claims);
          for (const event of events) {
            if ('fence' in event.data) expect(event.data.fence).toBe(fenceOf(state));
          }
        });
      }),
    );
  });

  test('it has at most one outcome in each life, and takes nothing after it but its next life', () => {
    fc.assert(
      fc.property(life, (it) => {
        const outcomes: number[] = [];
        play(it, (command, events, before, state) => {
          if (isFinished(before)) expect([command.type, before.status]).toEqual(['Retry', 'failed']);
          const own = events.filter(isOutcome);
          expect(own.length).toBe(isFinished(state) ? 1 : 0);
          // An outcome is the last event of its append.
          if (own.length === 1) expect(events.at(-1)).toBe(own[0]);
          outcomes.push(...own.map(() => lifeOf(state)));
        });
        expect(new Set(outcomes).size).toBe(outcomes.length);
      }),
    );
  });

  test('a life begins with its submission or with a retry, and ends cancelled or failed only where that was asked', () => {
    fc.assert(
      fc.property(life, (it) => {
        const { state, accepted, history } = play(it);
        const retries = history.filter(({ type }) => type === 'TaskRetried').length;
        expect(lifeOf(state)).toBe(1 + retries);
        if (state.status === 'cancelled') expect(accepted.map(({ type }) => type)).toContain('Cancel');
      }),
    );
  });

  test('asked to stop, it starts no further attempt in that life', () => {
    fc.assert(
      fc.property(life, (it) => {
        let asked = 0;
        play(it, (_command, events, _before, state) => {
          for (const { type } of events) {
            if (type === 'AttemptStarted') expect(lifeOf(state)).toBeGreaterThan(asked);
            if (type === 'TaskCancelRequested') asked = lifeOf(state);
          }
        });
      }),
    );
  });

  test('failures stay within maxAttempts and crashes within maxCrashes', () => {
    fc.assert(
      fc.property(life, (it) => {
        play(it, (_command, _events, _before, state) => {
          if (state.status === 'none') return;
          expect(state.failures).toBeLessThanOrEqual(state.maxAttempts);
          expect(state.crashes).toBeLessThanOrEqual(state.maxCrashes);
          if (!isFinished(state)) expect(state.failures).toBeLessThan(state.maxAttempts);
        });
      }),
    );
  });

  test('its version is the number of its events, and its steps are 0…n without a gap', () => {
    fc.assert(
      fc.property(life, (it) => {
        const { state, history } = play(it);
        expect(state).toMatchObject({ events: history.length });
        const steps = history.flatMap((event) => (event.type === 'StepCompleted' ? [event.data.index] : []));
        expect(steps).toEqual(steps.map((_, index) => index));
      }),
    );
  });

  test('an accepted command that comes again, at once or at the end, never becomes a second event', () => {
    fc.assert(
      fc.property(life, (it) => {
        const nothingNew = [[], 'FENCED', 'TASK_NOT_FAILED'];
        const { state, accepted } = play(it, (command, _events, _before, now) => {
          expect(nothingNew).toContainEqual(verdict(command, now));
        });
        const newestStart = accepted.findLast(({ type }) => type === 'Start');
        // A claim that was followed by others is forgotten: sent once more, it is a claim like any other. So is what names neither
        // an attempt nor a life.
        const isNamed = (one: Command) =>
          one.type === 'Start' ? one === newestStart : 'fence' in one || one.type === 'Submit' || isRetryOfLife(one);
        for (const command of accepted.filter(isNamed)) {
          expect(nothingNew).toContainEqual(verdict(command, state));
        }
      }),
    );
  });

  test('its state is the fold of its events, also when it was kept as JSON in between', () => {
    fc.assert(
      fc.property(life, fc.nat(60), (it, at) => {
        const { state, history } = play(it);
        expect(fold(history)).toEqual(state);
        const kept = JSON.parse(JSON.stringify(fold(history.slice(0, at)))) as State;
        const events = JSON.parse(JSON.stringify(history.slice(at))) as Event[];
        expect(events.reduce(evolve, kept)).toEqual(state);
      }),
    );
  });
});

const count = fc.nat(20);
const attempt = { fence: count };
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape);
const anyEvent = fc.oneof(
  fc.constant({ type: 'TaskSubmitted', data: { ...SUBMIT, type: undefined } }),
  record({
    type: fc.constant('AttemptStarted'),
    data: fc.record({ ...attempt, claimId: fc.string(), worker: fc.string() }),
  }),
  record({ type: fc.constant('StepStarted'), data: fc.record({ ...attempt, index: count, step: fc.string() }) }),
  record({
    type: fc.constant('StepCompleted'),
    data: fc.record({ ...attempt, index: count, output: fc.option(fc.jsonValue(), { nil: undefined }) }),
  }),
  record({
    type: fc.constantFrom(
      ...(['AttemptReleased', 'AttemptFailed', 'AttemptExpired', 'TaskCompleted', 'TaskFailed'] as const),
      ...(['TaskCancelRequested', 'TaskCancelled', 'TaskRetried'] as const),
    ),
    data: fc.record({ ...attempt, error: fc.constant(ERROR), retryInMs: fc.constant(null), reason: fc.string() }),
  }),
  record({ type: fc.constantFrom('TaskPaused', '', '__proto__', 'toString'), data: fc.anything() }),
) as fc.Arbitrary<Event>;

describe('history always loads', () => {
  test('any list of events folds, in any order, with types of a newer release among them', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const state = fold(events);
        const first = events.findIndex((event) => fold([event]).status !== 'none');
        if (first >= 0) expect(state).toMatchObject({ events: events.length - first });
        else expect(state).toEqual(INITIAL);
      }),
    );
  });

  test('an event of a newer release changes nothing but the version', () => {
    const before = after(SUBMIT, start('a'));
    const unknown = { type: 'TaskPaused', data: {} } as unknown as Event;
    expect(evolve(before, unknown)).toEqual({ ...before, events: 3 });
  });
});
