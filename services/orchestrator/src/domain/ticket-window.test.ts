import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTicketWindow, WINDOW, type TicketWindow } from './ticket-window.ts';

let nowMs = 0;
let window: TicketWindow;

beforeEach(() => {
  nowMs = 0;
  window = createTicketWindow(() => nowMs);
});

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `t-${from + n}`);
const add = (taskIds: readonly string[], agent = 'faq', priority = 2) => {
  for (const taskId of taskIds) window.add({ taskId, agent, priority });
};
const settle = (taskIds: readonly string[]) => taskIds.forEach(window.settled);

describe('the room', () => {
  test('is a thousand at least, four per slot, and 20,000 at most over all agents', () => {
    expect(window.room('faq', 1)).toBe(1_000);
    expect(window.room('faq', 1_000)).toBe(4_000);
    expect(window.room('faq', 100_000)).toBe(WINDOW.most);
    add(ids(0, 19_999), 'other');
    expect(window.room('faq', 1_000)).toBe(1);
  });

  test('follows what was drained: twenty seconds of it', () => {
    add(ids(0, 1_000));
    settle(ids(0, 500));
    nowMs = 1_000;
    expect(window.room('faq', 1)).toBe(500 * 20 - 500);
  });

  // A ticket names fifty tasks, and each time it comes with one slot free, 49 are passed over: the window grew by them, far over its bound.
  test('does not grow by what is passed over: nothing was drained', () => {
    for (let second = 1; second <= 10; second += 1) {
      add(ids(0, 1_000));
      ids(0, 500).forEach(window.passedOver);
      nowMs = second * 1_000;
      expect(window.room('faq', 1)).toBe(500);
    }
  });

  test('is a quarter more for what is urgent', () => {
    add(ids(0, 1_000));
    expect(window.room('faq', 1)).toBe(0);
    expect(window.room('faq', 1, true)).toBe(250);
  });

  test('is there again once tasks have moved on, or tickets were not stored', () => {
    add(ids(0, 1_000));
    settle(ids(0, 3));
    window.withdraw('t-3');
    expect(window.room('faq', 1)).toBe(4);
    expect(window.has('t-3')).toBe(false);
  });
});

describe('a ticket', () => {
  test('is lost when a thousand younger ones were used before it', () => {
    add(ids(0, 1_101));
    settle(ids(1, 1_000));
    expect(window.takeLost()).toEqual([]);
    settle(ids(1_000, 1_001));
    expect(window.takeLost()).toEqual([{ taskId: 't-0', agent: 'faq', priority: 2 }]);
    expect(window.has('t-0')).toBe(false);
  });

  test('that was passed over was used: those before it may be lost', () => {
    add(ids(0, 1_001));
    ids(1, 1_001).forEach(window.passedOver);
    expect(window.takeLost()).toEqual([{ taskId: 't-0', agent: 'faq', priority: 2 }]);
  });

  test('is lost when a younger one was used five seconds ago', () => {
    add(ids(0, 3));
    settle(['t-1']);
    expect(window.takeLost()).toEqual([]);
    nowMs = 5_000;
    expect(window.takeLost().map(({ taskId }) => taskId)).toEqual(['t-0']);
  });

  test('is not lost because of its age, nor because more urgent ones were used first', () => {
    add(['slow'], 'faq', 3);
    add(ids(0, 2_000), 'faq', 0);
    settle(ids(0, 2_000));
    window.takeLost();
    nowMs = 60_000;
    expect(window.takeLost()).toEqual([]);
  });

  test('that is issued again stands at the end of its line', () => {
    add(ids(0, 3));
    settle(['t-1', 't-2']);
    window.takeLost();
    nowMs = 5_000;
    add(window.takeLost().map(({ taskId }) => taskId));
    nowMs = 60_000;
    expect(window.takeLost()).toEqual([]);
  });
});

test('a new epoch begins with an empty window', () => {
  add(ids(0, 1_000));
  window.clear();
  expect([window.size, window.sizeOf('faq'), window.room('faq', 1)]).toEqual([0, 0, 1_000]);
  settle(['t-0']);
  expect(window.size).toBe(0);
});

test('in whatever order tickets are issued, used and withdrawn, the sizes are right and what is used in order is never lost', () => {
  const moves = fc.array(fc.tuple(fc.constantFrom('add', 'settle', 'withdraw', 'lost'), fc.nat(30)), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(moves, (list) => {
      const own = createTicketWindow(() => 0);
      const model = new Set<string>();
      for (const [move, n] of list) {
        const taskId = `t-${n}`;
        if (move === 'add') model.add(taskId);
        if (move === 'settle' || move === 'withdraw') model.delete(taskId);
        if (move === 'add') own.add({ taskId, agent: 'faq', priority: 0 });
        if (move === 'settle') own.settled(taskId);
        if (move === 'withdraw') own.withdraw(taskId);
        if (move === 'lost') expect(own.takeLost()).toEqual([]);
        expect([own.size, own.sizeOf('faq')]).toEqual([model.size, model.size]);
      }
    }),
  );
});
