import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTicketWindow, WINDOW_MAX } from './ticket-window.ts';

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `task-${from + n}`);

test('a task gets one ticket until it has moved on', () => {
  const window = createTicketWindow(() => 0);
  expect(window.admit('echo', ids(3), 1)).toEqual(ids(3));
  expect(window.admit('echo', ids(3), 1)).toEqual([]);
  window.settled('task-1');
  expect(window.admit('echo', ids(3), 1)).toEqual(['task-1']);
});

test('a ticket that was not used for long is taken to be lost, and the task is ticketed again', () => {
  let now = 0;
  const window = createTicketWindow(() => now);
  window.admit('echo', ids(2), 1);
  now = 29_999;
  expect(window.admit('echo', ids(2), 1)).toEqual([]);
  now = 30_000;
  expect(window.admit('echo', ids(2), 1)).toEqual(ids(2));
  expect(window.sizeOf('echo')).toBe(2);
});

test('what another orchestrator moved on leaves the window', () => {
  const window = createTicketWindow(() => 0);
  window.admit('echo', ids(5), 1);
  window.admit('other', ['theirs'], 1);
  window.retain('echo', ['task-1', 'task-9']);
  expect(window.sizeOf('echo')).toBe(1);
  expect(window.sizeOf('other')).toBe(1);
});

test('after Redis forgot, everything may be ticketed again', () => {
  const window = createTicketWindow(() => 0);
  window.admit('echo', ids(5), 1);
  window.forget();
  expect(window.sizeOf('echo')).toBe(0);
  expect(window.admit('echo', ids(5), 1)).toEqual(ids(5));
});

test('an agent that drains fast has a larger window, up to the limit', () => {
  let now = 0;
  const window = createTicketWindow(() => now);
  expect(window.admit('echo', ids(50_000), 10)).toHaveLength(1_000);
  for (const id of ids(1_000)) window.settled(id);
  now = 1_000;
  expect(window.admit('echo', ids(50_000, 1_000), 10)).toHaveLength(WINDOW_MAX);
});

test('the size is the number of ticketed tasks, and bounded, whatever happens', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('admit'), agent: fc.constantFrom('a', 'b'), tasks: fc.array(fc.nat(40)) }),
    fc.record({ kind: fc.constant('settled'), task: fc.nat(40) }),
    fc.record({ kind: fc.constant('pass'), ms: fc.nat(40_000) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let now = 0;
      const window = createTicketWindow(() => now);
      const ticketed = new Map<string, string>();
      for (const one of steps) {
        if ('ms' in one) now += one.ms;
        if ('tasks' in one) {
          // A task belongs to one agent.
          const tasks = one.tasks.map((task) => `${one.agent}-${task}`);
          for (const task of window.admit(one.agent, tasks, 1)) ticketed.set(task, one.agent);
        }
        if ('task' in one) {
          window.settled(`a-${one.task}`);
          ticketed.delete(`a-${one.task}`);
        }
      }
      for (const agent of ['a', 'b']) {
        expect(window.sizeOf(agent)).toBe([...ticketed.values()].filter((owner) => owner === agent).length);
      }
    }),
  );
});
