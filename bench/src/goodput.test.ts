import { describe, expect, test } from 'vitest';
import { dip, goodput, longestGap } from './goodput.ts';

/** One completion every 10 ms, but none between the two times. */
const stream = (silentFrom: number, silentTo: number) =>
  Array.from({ length: 1_000 }, (_, index) => index * 10).filter((time) => time < silentFrom || time >= silentTo);

describe('the longest gap', () => {
  test('is the longest time between two completions', () => {
    expect(longestGap(stream(3_000, 3_400), 2_000, 5_000)).toBe(410);
  });

  test('counts whole when only a part of it lies between the times', () => {
    expect(longestGap(stream(3_000, 3_400), 3_200, 5_000)).toBe(410);
    expect(longestGap(stream(3_000, 3_400), 2_000, 3_200)).toBe(410);
  });

  test('is that of the rest when there is none', () => {
    expect(longestGap(stream(0, 0), 2_000, 5_000)).toBe(10);
  });
});

describe('goodput', () => {
  test('is completions per second', () => {
    expect(goodput(stream(0, 0), 2_000, 5_000)).toBe(100);
  });

  test('is back when the first second begins that has enough', () => {
    const found = dip(stream(3_000, 3_400), { from: 3_000, to: 6_000, wantedPerSecond: 90 });
    expect(found).toEqual({ backAfterS: 0.3, lowestPerSecond: 60 });
  });

  test('is back at once when it never left', () => {
    const found = dip(stream(0, 0), { from: 3_000, to: 6_000, wantedPerSecond: 90 });
    expect(found).toEqual({ backAfterS: 0, lowestPerSecond: 100 });
  });

  test('is never back when no second has enough', () => {
    const found = dip(stream(3_000, 9_000), { from: 3_000, to: 6_000, wantedPerSecond: 90 });
    expect(found).toEqual({ backAfterS: null, lowestPerSecond: 0 });
  });
});
