import { describe, expect, test } from 'vitest';
import { whyTask, type WhyFacts } from './why.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const SECOND = 1_000;
const iso = (ms: number) => new Date(ms).toISOString();

const LIFE = {
  agent: 'echo',
  requestDigest: '',
  life: 1,
  fence: 2,
  failures: 1,
  crashes: 0,
  maxAttempts: 8,
  maxCrashes: 3,
  events: 3,
  steps: 0,
  openStep: null,
  stepLength: 0,
  claimId: null,
  ended: null,
  endedBefore: null,
  begun: false,
};
type Known = WhyFacts['state'];
const QUEUED: Known = { ...LIFE, status: 'queued' };
const RUNNING: Known = { ...LIFE, status: 'running', claimId: 'c', worker: 'w-1' };

const ask = (facts: Partial<WhyFacts>) =>
  whyTask({
    nowMs: NOW,
    state: QUEUED,
    updatedAtMs: NOW - 60 * SECOND,
    startedAtMs: null,
    finishedAtMs: null,
    wakeAtMs: NOW - 10 * SECOND,
    expiresAtMs: null,
    leaseUntilMs: null,
    lastFailure: null,
    limits: [],
    workers: { connected: 1, slots: 10, free: 3, elsewhere: 0, lastSeenMs: NOW - 5 * SECOND },
    ahead: 0,
    silentMs: null,
    silentFromMs: 4_500,
    ...facts,
  });

describe('a queued task', () => {
  test('that nothing holds is due now, since it is due', () => {
    expect(ask({})).toMatchObject({ reason: 'DUE_NOW', text: 'nothing: due now', sinceMs: NOW - 10 * SECOND });
    expect(ask({ ahead: 4 }).text).toBe('nothing: due now; 4 due tasks come before it');
  });

  test('waits for its time, or for the time of its retry', () => {
    const wakeAtMs = NOW + SECOND;
    expect(ask({ wakeAtMs })).toMatchObject({
      reason: 'DUE_LATER',
      text: `it is due at ${iso(wakeAtMs)}`,
      sinceMs: NOW - 60 * SECOND,
    });
    expect(ask({ wakeAtMs, lastFailure: { code: 'OOPS', message: 'it failed' } })).toMatchObject({
      reason: 'RETRY_LATER',
      text: `retry at ${iso(wakeAtMs)} after OOPS; 1 of 8 attempts failed`,
      details: { error: { code: 'OOPS' }, failures: 1, maxAttempts: 8 },
    });
  });

  test('is held by the first limit that is reached, and by no other', () => {
    const limits = [
      { key: 'running/acme', value: 4, max: 5 },
      { key: 'running/acme/key/k', value: 1, max: 1 },
    ];
    expect(ask({ limits, workers: { connected: 0, slots: 0, free: 0, elsewhere: 0, lastSeenMs: null } })).toMatchObject(
      {
        reason: 'LIMIT_REACHED',
        text: '1 of 1 are running: running/acme/key/k',
        details: limits[1],
      },
    );
    expect(ask({ limits: limits.slice(0, 1) }).reason).toBe('DUE_NOW');
  });

  test('has no worker: none was ever there, or none is now', () => {
    const workers = { connected: 0, slots: 0, free: 0, elsewhere: 0 };
    expect(ask({ workers: { ...workers, lastSeenMs: null } })).toMatchObject({
      reason: 'NO_WORKER',
      text: 'no worker for the agent "echo" has ever offered it',
      details: { agent: 'echo', lastSeenAt: null },
    });
    expect(ask({ workers: { ...workers, lastSeenMs: NOW } }).text).toBe(
      `no worker for the agent "echo" is connected; the last came at ${iso(NOW)}`,
    );
  });

  test('waits for a slot, behind so many', () => {
    expect(
      ask({ ahead: 7, workers: { connected: 2, slots: 20, free: 0, elsewhere: 0, lastSeenMs: NOW } }),
    ).toMatchObject({
      reason: 'NO_FREE_SLOT',
      details: { slots: 20, freeSlots: 0, ahead: 7 },
    });
  });

  test('whose workers are all at other orchestrators has workers', () => {
    const workers = { connected: 0, slots: 0, free: 0, elsewhere: 20, lastSeenMs: NOW };
    expect(ask({ workers })).toMatchObject({
      reason: 'DUE_NOW',
      text: 'nothing: due now at other orchestrators, which have 20 slots for "echo"',
      details: { slotsElsewhere: 20 },
    });
    expect(ask({ workers: { ...workers, connected: 1, slots: 5 } })).toMatchObject({
      reason: 'NO_FREE_SLOT',
      text: 'all 5 slots for "echo" are taken, 20 more are at other orchestrators; 0 due tasks come before it',
    });
  });

  test('that has expired will not start, whatever else holds', () => {
    expect(ask({ expiresAtMs: NOW, wakeAtMs: NOW + SECOND })).toMatchObject({ reason: 'EXPIRED', sinceMs: NOW });
    expect(ask({ expiresAtMs: NOW + SECOND }).reason).toBe('DUE_NOW');
  });
});

describe('a running task', () => {
  const running = { state: RUNNING, startedAtMs: NOW - 30 * SECOND, wakeAtMs: NOW - 20 * SECOND };

  test('names its worker and its lease, as renewed', () => {
    expect(ask({ ...running, leaseUntilMs: NOW + 5 * SECOND, silentMs: 200 })).toMatchObject({
      reason: 'RUNNING',
      text: `it runs on w-1, lease until ${iso(NOW + 5 * SECOND)}`,
      sinceMs: NOW - 30 * SECOND,
      details: { worker: 'w-1', fence: 2, isConnected: true },
    });
    expect(ask({ ...running, wakeAtMs: NOW + SECOND })).toMatchObject({
      reason: 'RUNNING',
      details: { isConnected: false },
    });
  });

  test('is with a silent worker: its lease is over, or nothing was heard for too long', () => {
    expect(ask(running)).toMatchObject({
      reason: 'WORKER_SILENT',
      text: expect.stringContaining('its lease ended at'),
    });
    expect(ask({ ...running, leaseUntilMs: NOW + SECOND, silentMs: 4_501 })).toMatchObject({
      reason: 'WORKER_SILENT',
      text: expect.stringContaining('its lease ends at'),
    });
  });

  test('that was cancelled has until its grace is over', () => {
    const state: Known = { ...RUNNING, cancelReason: 'by the caller' };
    expect(ask({ ...running, state, wakeAtMs: NOW + SECOND })).toMatchObject({
      reason: 'CANCELLING',
      details: { cancelReason: 'by the caller', until: iso(NOW + SECOND) },
    });
  });
});

test.each<[Known, string]>([
  [{ ...LIFE, status: 'completed' }, 'it is completed'],
  [{ ...LIFE, status: 'failed', error: { code: 'OOPS', message: '' } }, 'it failed: OOPS'],
  [{ ...LIFE, status: 'cancelled', cancelReason: 'by the caller' }, 'it was cancelled: by the caller'],
])('a finished task waits for nothing: %o', (state, text) => {
  expect(ask({ state, finishedAtMs: NOW - SECOND })).toMatchObject({ reason: 'FINISHED', text, sinceMs: NOW - SECOND });
});
