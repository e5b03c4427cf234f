/** For tests: evidence of a schedule in which all went well. Each test tells one lie about it. */
import type { Operation } from '../history/operations.ts';
import type { Evidence, LogFact } from './evidence.ts';

type Told = readonly [type: string, data?: Record<string, unknown>, life?: number];

const submitted = (key: string, more: Record<string, unknown> = {}): Told => [
  'TaskSubmitted',
  { idempotencyKey: key, maxAttempts: 3, maxCrashes: 2, dueInMs: 0, expiresInMs: null, concurrencyKey: null, ...more },
];
const started = (fence: number, worker = 'worker-1'): Told => ['AttemptStarted', { fence, worker }];

/** In the order of the log: 1 done with a step; 2 failed, then done; 3 failed for good, retried, done; 4 cancelled; 5 and 6 share a key; 7 is due later. */
const STORIES: Readonly<Record<string, readonly Told[]>> = {
  'task-1': [
    submitted('run-1'),
    started(1),
    ['StepStarted', { fence: 1, index: 0, step: 'effect', effectKey: 'task-1/0/effect' }],
    ['StepCompleted', { fence: 1, index: 0, step: 'effect', output: 'receipt' }],
    ['TaskCompleted', { fence: 1, output: { attempt: 1 } }],
  ],
  'task-2': [
    submitted('run-2'),
    started(1),
    ['AttemptExpired', { fence: 1, retryInMs: 5 }],
    started(2, 'worker-2'),
    ['TaskCompleted', { fence: 2, output: null }],
  ],
  'task-3': [
    submitted('run-3', { maxAttempts: 1 }),
    started(1),
    ['AttemptFailed', { fence: 1, error: { code: 'ECHO_FAILS' }, retryInMs: null }],
    ['TaskFailed', { error: { code: 'ECHO_FAILS' } }],
    ['TaskRetried', { dueInMs: 0 }, 2],
    ['AttemptStarted', { fence: 2, worker: 'worker-1' }, 2],
    ['TaskCompleted', { fence: 2, output: null }, 2],
  ],
  'task-4': [submitted('run-4'), ['TaskCancelled', { reason: 'drill' }]],
  'task-5': [submitted('run-5', { concurrencyKey: 'one' }), started(1), ['TaskCompleted', { fence: 1, output: null }]],
  // It is open: due in an hour. Its request was never answered.
  'task-7': [submitted('run-7', { dueInMs: 3_600_000 })],
  'task-6': [submitted('run-6', { concurrencyKey: 'one' }), started(1), ['TaskCompleted', { fence: 1, output: null }]],
};

const FROM = 100;

function eventsOf(): readonly LogFact[] {
  const events: LogFact[] = [];
  const add = (stream: string, version: number, [type, data = {}, life = 1]: Told) => {
    const position = FROM + events.length + 1;
    events.push({ position, stream, tenant: 'default', version, life, type, data, recordedAtMs: position * 10 });
  };
  for (const [task, story] of Object.entries(STORIES))
    for (const [index, told] of story.entries()) add(`task/${task}`, index + 1, told);
  add('dispatch', 1, ['EpochStarted', { epoch: 1, term: 1 }, 0]);
  add('dispatch', 2, ['EpochStarted', { epoch: 2, term: 1 }, 0]);
  return events;
}

const operation = (op: Operation['op'], key: string, more: Partial<Operation>): Operation => ({
  proc: `client of ${key}`,
  op,
  key,
  invokedAt: 1,
  endedAt: 2,
  phase: 'ok',
  asked: {},
  answered: {},
  ...more,
});

export const accepted = (n: number, more: Partial<Operation> = {}) =>
  operation('submit', `run-${n}`, { answered: { task: `task-${n}`, http: 202 }, ...more });

const step = (fence: number, invokedAt: number, endedAt: number) =>
  operation('step', 'task-1/0/effect', {
    invokedAt,
    endedAt,
    asked: { task: 'task-1', fence, worker: `worker-${fence}` },
  });

const health = (invokedAt: number, status: string) =>
  operation('health', 'redis', {
    invokedAt,
    endedAt: invokedAt + 1,
    answered: { status, http: status === 'up' ? 200 : 503 },
  });

function operationsOf(): readonly Operation[] {
  return [
    ...[1, 2, 3, 4, 5, 6].map((n) => accepted(n)),
    accepted(1, { answered: { task: 'task-1', http: 200, repeat: true } }),
    operation('submit', 'run-7', {
      phase: 'info',
      answered: { http: 503, code: 'STORE_UNAVAILABLE', hasRetryAfter: true },
    }),
    operation('submit', 'run-8', {
      phase: 'fail',
      answered: { http: 429, code: 'LIMIT_REACHED', hasRetryAfter: true },
    }),
    operation('submit-other', 'run-1', { phase: 'fail', answered: { http: 422, code: 'IDEMPOTENCY_MISMATCH' } }),
    operation('cancel', 'run-4', { answered: { task: 'task-4', status: 'cancelled' } }),
    operation('retry', 'run-3', { answered: { task: 'task-3', life: 2 } }),
    operation('read', 'run-1', { answered: { task: 'task-1', status: 'completed', output: { attempt: 1 } } }),
    step(1, 5, 9),
    operation('fault', 'redis-killed 1', {
      invokedAt: 1_000,
      endedAt: 9_000,
      asked: { nemesis: 'redis-killed', task: 'redis', status: 'down' },
    }),
    operation('outage', 'redis-killed 1', {
      invokedAt: 1_100,
      endedAt: 8_800,
      asked: { task: 'redis', status: 'down' },
    }),
    health(500, 'up'),
    health(6_200, 'down'),
    health(20_000, 'up'),
  ];
}

export function soundEvidence(): Evidence {
  const events = eventsOf();
  return {
    prefix: 'run-',
    alone: true,
    operations: operationsOf(),
    from: FROM,
    events,
    earlier: events.slice(0, 5),
    healedAtMs: 0,
    excuses: [{ fromMs: 0, toMs: 10_000 }],
    lostMs: 0,
    open: new Map([['task-7', 'DUE_LATER']]),
    tickets: ['task-7'],
    feed: events.map(({ position, stream, type }) => ({ position, stream, type })),
    verify: { head: events.at(-1)?.position ?? 0, problems: [] },
    usage: [{ of: 'redis', what: 'MB', value: 3, max: 32 }],
  };
}

// Lies.

export type Lie = (sound: Evidence) => Evidence;

/** The n-th event of this type (1 is the first) is another. */
export function event(type: string, change: Partial<LogFact>, n = 1): Lie {
  return (sound) => {
    let seen = 0;
    const events = sound.events.map((one) => (one.type === type && (seen += 1) === n ? { ...one, ...change } : one));
    return { ...sound, events };
  };
}

/** This event is there once more, at the end of the log. */
export function again(type: string, n = 1, change: Partial<LogFact> = {}): Lie {
  return (sound) => {
    const found = sound.events.filter((one) => one.type === type)[n - 1];
    const last = sound.events.at(-1);
    if (found === undefined || last === undefined) throw new Error(`no ${type}`);
    const { position, recordedAtMs } = last;
    const copy = { ...found, position: position + 1, recordedAtMs, ...change };
    return { ...sound, events: [...sound.events, copy] };
  };
}

/** Whoever matches was never there. */
export function without(matches: (event: LogFact) => boolean): Lie {
  return (sound) => ({ ...sound, events: sound.events.filter((one) => !matches(one)) });
}

export function heard(op: Operation['op'], key: string, more: Partial<Operation>): Lie {
  return (sound) => ({ ...sound, operations: [...sound.operations, operation(op, key, more)] });
}

export function unheard(matches: (operation: Operation) => boolean): Lie {
  return (sound) => ({ ...sound, operations: sound.operations.filter((one) => !matches(one)) });
}

export function instead(change: Partial<Evidence>): Lie {
  return (sound) => ({ ...sound, ...change });
}

export const stepOf = (fence: number, invokedAt: number, endedAt: number): Lie => {
  return (sound) => ({ ...sound, operations: [...sound.operations, step(fence, invokedAt, endedAt)] });
};

export const healthSaid = (invokedAt: number, status: string): Lie => {
  return (sound) => ({ ...sound, operations: [...sound.operations, health(invokedAt, status)] });
};

export const verifySaid = (problem: string): Lie => {
  return (sound) => ({ ...sound, verify: { ...sound.verify, problems: [problem] } });
};
