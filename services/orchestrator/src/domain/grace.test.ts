import { expect, test } from 'vitest';
import { createGrace } from './grace.ts';

test('nothing is ended for one full lease after the start, each attempt by its own lease', () => {
  const grace = createGrace(1_000);
  expect(grace.isOver(5_000, 5_999)).toBe(false);
  expect(grace.isOver(5_000, 6_000)).toBe(true);
  expect(grace.isOver(60_000, 60_999)).toBe(false);
  expect(grace.isOver(60_000, 61_000)).toBe(true);
});

test('an outage begins the grace anew, and an older one that is told late does not shorten it', () => {
  const grace = createGrace(0);
  grace.restart(20_000);
  grace.restart(15_000);
  expect(grace.isOver(10_000, 29_999)).toBe(false);
  expect(grace.isOver(10_000, 30_000)).toBe(true);
});
