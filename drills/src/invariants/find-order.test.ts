import { expect, test } from 'vitest';
import { findOrder } from './find-order.ts';

const rising = (held: number, fence: number) => (fence >= held ? fence : undefined);
const seen = (...intervals: readonly [number, number, number][]) =>
  intervals.map(([what, invokedAt, endedAt]) => ({ what, invokedAt, endedAt }));

test('what overlaps may have happened in either order', () => {
  expect(findOrder(seen([2, 0, 10], [1, 5, 15]), 0, rising)).toEqual([1, 0]);
  expect(findOrder([], 0, rising)).toEqual([]);
});

test('an older fence after a younger one had ended has no order', () => {
  expect(findOrder(seen([2, 0, 10], [1, 11, 15]), 0, rising)).toBeUndefined();
  expect(findOrder(seen([1, 0, 3], [2, 2, 10], [1, 11, 15]), 0, rising)).toBeUndefined();
});

test('a register is found to be one, or not', () => {
  type Access = { write: number } | { read: number };
  const apply = (value: number, access: Access) => {
    if ('write' in access) return access.write;
    return access.read === value ? value : undefined;
  };
  const history = (read: number) => [
    { invokedAt: 0, endedAt: 5, what: { write: 1 } },
    { invokedAt: 2, endedAt: 9, what: { write: 2 } },
    { invokedAt: 10, endedAt: 12, what: { read } },
  ];
  expect(findOrder<number, Access>(history(1), 0, apply)).toEqual([1, 0, 2]);
  expect(findOrder<number, Access>(history(2), 0, apply)).toEqual([0, 1, 2]);
  expect(findOrder<number, Access>(history(0), 0, apply)).toBeUndefined();
});

test('sixteen at once are searched, and no more', () => {
  const many = Array.from({ length: 16 }, (_, index) => ({ invokedAt: 0, endedAt: 1, what: 16 - index }));
  expect(findOrder(many, 0, rising)).toHaveLength(16);
  expect(() => findOrder([...many, { invokedAt: 0, endedAt: 1, what: 1 }], 0, rising)).toThrow(RangeError);
});
