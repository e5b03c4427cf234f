import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

const policy = fc.record({
  baseMs: fc.integer({ min: 0, max: 60_000 }),
  capMs: fc.integer({ min: 0, max: 3_600_000 }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a wait is whole milliseconds between 0 and min(cap, base · 2^failures), however many failures', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), policy, random, (failures, { baseMs, capMs }, share) => {
      const ms = backoffMs(failures, { baseMs, capMs }, share);
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(Math.ceil(Math.min(capMs, baseMs * 2 ** Math.min(failures, 30))));
    }),
  );
});

test('the ceiling doubles with each failure until the cap', () => {
  const ceilings = [0, 1, 2, 3, 4, 5].map((failures) =>
    backoffMs(failures, { baseMs: 100, capMs: 1_000 }, 0.999_999_9),
  );
  expect(ceilings).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(backoffMs(3, { baseMs: 100, capMs: 1_000 }, 0)).toBe(0);
});
