import { expect, test } from 'vitest';
import { backlogPage } from './backlog-page.ts';

test('an empty window is filled page by page without a pause, to its end', () => {
  const max = 20_000;
  let size = 0;
  for (let page = backlogPage({ room: max, size }, 0); page > 0; page = backlogPage({ room: max - size, size }, 0)) {
    size += page;
  }
  expect(size).toBe(max);
});

test('a little room in a full window waits until it is a page, or for a while', () => {
  expect(backlogPage({ room: 100, size: 19_900 }, 0)).toBe(0);
  expect(backlogPage({ room: 2_000, size: 18_000 }, 0)).toBe(2_000);
  expect(backlogPage({ room: 100, size: 19_900 }, 250)).toBe(100);
});

test('a small window is filled when a quarter of it is used', () => {
  expect(backlogPage({ room: 100, size: 900 }, 0)).toBe(0);
  expect(backlogPage({ room: 250, size: 750 }, 0)).toBe(250);
});

test('where there is no room nothing is read', () => {
  expect(backlogPage({ room: 0, size: 1_000 }, 10_000)).toBe(0);
});
