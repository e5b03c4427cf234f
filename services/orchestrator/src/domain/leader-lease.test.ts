import { expect, test } from 'vitest';
import { createLeaderLease } from './leader-lease.ts';

const LEASE_MS = 1_500;

test('it is believed from before the question on, so never longer than Postgres counts', () => {
  const lease = createLeaderLease(LEASE_MS);
  expect(lease.termAt(0)).toBeNull();
  lease.answered(7, 1_000);
  expect(lease.termAt(2_499)).toBe(7);
  expect(lease.termAt(2_500)).toBeNull();
});

test('an answer that came too late is worth nothing', () => {
  const lease = createLeaderLease(LEASE_MS);
  lease.answered(7, 0);
  expect(lease.termAt(5_000)).toBeNull();
});

test('a change of the leader is told once', () => {
  const lease = createLeaderLease(LEASE_MS);
  expect(lease.answered(null, 0)).toBeNull();
  expect(lease.answered(1, 400)).toEqual({ was: null });
  expect(lease.answered(1, 800)).toBeNull();
  expect(lease.answered(2, 1_200)).toEqual({ was: 1 });
  expect(lease.answered(null, 1_600)).toEqual({ was: 2 });
  expect(lease.answered(null, 2_000)).toBeNull();
});

test('what the next term must be above only rises', () => {
  const lease = createLeaderLease(LEASE_MS);
  lease.raiseAbove(9);
  lease.raiseAbove(3);
  expect(lease.above).toBe(9);
});
