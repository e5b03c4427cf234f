import { expect, test } from 'vitest';
import type { LogEvent } from './read.ts';
import { createRecentEvents } from './recent-events.ts';

const event = (position: number, dataText = '{}'): LogEvent => ({
  position,
  stream: 's',
  version: 1,
  life: 1,
  tenant: 't',
  type: 'T',
  dataText,
  recordedAt: new Date(0),
});
const events = (...positions: readonly number[]) => positions.map((position) => event(position));
const positions = (taken: readonly LogEvent[]) => taken.map(({ position }) => position);

test('what joins on is taken once and in order, however the batches came', () => {
  const recent = createRecentEvents();
  recent.add(events(3, 4));
  recent.add(events(1, 2));
  expect(positions(recent.takeAfter(0, 3))).toEqual([1, 2, 3]);
  expect(positions(recent.takeAfter(3, 3))).toEqual([4]);
  expect(recent.takeAfter(4, 3)).toEqual([]);
});

test('nothing behind a hole is taken until what is missing was read', () => {
  const recent = createRecentEvents();
  recent.add(events(2, 3, 5));
  expect(recent.takeAfter(0, 10)).toEqual([]);
  expect(positions(recent.takeAfter(2, 10))).toEqual([3]);
  expect(positions(recent.takeAfter(4, 10))).toEqual([5]);
});

test('what the follower has is not kept, and it keeps no more than its limits', () => {
  const recent = createRecentEvents({ events: 3, textLength: 100 });
  recent.add(events(5, 6, 7, 8));
  expect(recent.takeAfter(6, 10)).toHaveLength(1);
  recent.add(events(1, 8));
  expect(positions(recent.takeAfter(7, 10))).toEqual([8]);
  recent.add([event(9, 'x'.repeat(100)), event(10)]);
  expect(positions(recent.takeAfter(8, 10))).toEqual([9]);
  recent.add(events(10, 11, 12));
  expect(recent.takeAfter(20, 10)).toEqual([]);
  recent.add(events(21, 22, 23));
  expect(positions(recent.takeAfter(20, 10))).toEqual([21, 22, 23]);
});
