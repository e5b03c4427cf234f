import { expect, test } from 'vitest';
import { createDueLater } from './due-later.ts';

test('tasks are told once, when they are due and not before, the earliest first', () => {
  const later = createDueLater(10_000);
  later.add('b', 100, 0);
  later.add('a', 40, 0);
  later.add('c', 1_000, 0);
  expect(later.takeDue(39)).toEqual([]);
  expect(later.takeDue(120)).toEqual(['a', 'b']);
  expect(later.takeDue(120)).toEqual([]);
  expect([later.size, later.takeDue(1_000), later.size]).toEqual([1, ['c'], 0]);
});

test('it is bounded: what finds no room is left to whoever looks into Postgres', () => {
  const later = createDueLater(10_000, 2);
  for (const taskId of ['a', 'b', 'c']) later.add(taskId, 0, 0);
  expect(later.takeDue(0)).toEqual(['a', 'b']);
});

test('after it was cleared nothing is due', () => {
  const later = createDueLater(10_000);
  later.add('a', 0, 0);
  later.clear();
  expect([later.takeDue(1_000), later.size]).toEqual([[], 0]);
});

test('what is due beyond its horizon takes no room from what is due before', () => {
  const later = createDueLater(1_000, 1);
  later.add('next month', 1_001, 500);
  later.add('soon', 1_000, 500);
  expect(later.takeDue(1_500)).toEqual(['soon']);
});
