import { expect, test } from 'vitest';
import { NEMESES } from '../nemeses/catalog.ts';
import { drawSchedule } from './draw-schedule.ts';

const draw = (seed: number) => drawSchedule(seed, NEMESES, { callers: 20 });
const drawn = Array.from({ length: 1_000 }, (_, seed) => draw(seed));

test('the same seed is the same schedule', () => {
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
});

test('one to four faults, never two of the same target, each as long as it may be', () => {
  for (const { faults } of drawn) {
    expect(faults.length).toBeGreaterThanOrEqual(1);
    expect(faults.length).toBeLessThanOrEqual(4);
    expect(new Set(faults.map(({ nemesis }) => nemesis.target)).size).toBe(faults.length);
    for (const { nemesis, forMs } of faults) {
      expect(forMs).toBeGreaterThanOrEqual(nemesis.lastsMs[0]);
      expect(forMs).toBeLessThanOrEqual(nemesis.lastsMs[1]);
    }
  }
});

test('callers come until after the last fault, and every fault is over before a schedule may last', () => {
  for (const { faults, callers } of drawn) {
    const over = Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs));
    expect(over).toBeLessThanOrEqual(12_000);
    expect(callers).toHaveLength(20);
  }
});

test('in a thousand schedules every nemesis has its turn', () => {
  const had = new Set(drawn.flatMap(({ faults }) => faults.map(({ nemesis }) => nemesis.name)));
  expect([...had].toSorted()).toEqual(NEMESES.map(({ name }) => name).toSorted());
});
