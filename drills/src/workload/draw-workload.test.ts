import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { drawWorkload } from './draw-workload.ts';

const draw = (seed: number) => drawWorkload({ callers: 200, forMs: 5_000, random: createRandom(seed) });

test('the same seed draws the same, another seed another', () => {
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test('whatever a caller may do is drawn, in the time that there is, a part of it at once', () => {
  const scripts = draw(7);
  const done = new Set(scripts.flatMap(({ next }) => next.map((one) => one.do)));
  expect([...done].toSorted()).toEqual(['cancel', 'other', 'repeat', 'retry', 'watch']);
  expect(scripts.every(({ atMs }) => atMs >= 0 && atMs <= 5_000)).toBe(true);
  expect(scripts.filter(({ atMs }) => atMs === 0).length).toBeGreaterThan(20);
  expect(new Set(scripts.map(({ name }) => name)).size).toBe(200);
});
