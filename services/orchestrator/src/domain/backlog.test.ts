import { beforeEach, expect, test } from 'vitest';
import { createBacklog, type Backlog } from './backlog.ts';

let backlog: Backlog;
beforeEach(() => {
  backlog = createBacklog();
});

const line = (tenant: string, priority = 2) => ({ agent: 'faq', tenant, priority });
const lines = () => backlog.cursors('faq').map(({ tenant, priority }) => `${tenant}/${priority}`);

test('a line is read from the front, and on from where it was read to', () => {
  backlog.open(line('a'));
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '-infinity' }]);
  backlog.advance(line('a'), { dueAt: '2026-11-28 10:00:00.000001+00', taskId: 't-7' });
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '2026-11-28 10:00:00.000001+00', afterId: 't-7' }]);
  backlog.open(line('a'));
  expect(backlog.cursors('faq')).toMatchObject([{ afterId: 't-7' }]);
});

test('a line that was read to its end is closed, and hides nothing any more', () => {
  backlog.open(line('a'));
  expect([backlog.isOpen('faq'), backlog.hides(line('a')), backlog.hides(line('b'))]).toEqual([true, true, false]);
  backlog.advance(line('a'), null);
  expect([backlog.isOpen('faq'), backlog.hides(line('a'))]).toEqual([false, false]);
});

test('the more urgent lines come first, and tenants take turns', () => {
  for (const tenant of ['a', 'b', 'c']) backlog.open(line(tenant));
  backlog.open(line('c', 0));
  expect(lines()).toEqual(['c/0', 'a/2', 'b/2', 'c/2']);
  backlog.advance(line('a'), { dueAt: 'now', taskId: 't' });
  expect(lines()).toEqual(['c/0', 'b/2', 'c/2', 'a/2']);
});

test('lines of a tenant that is passed over keep their place', () => {
  for (const tenant of ['a', 'b']) backlog.open(line(tenant));
  expect(backlog.cursors('faq', ['a']).map(({ tenant }) => tenant)).toEqual(['b']);
  expect(lines()).toEqual(['a/2', 'b/2']);
});

test('rewound, it has every priority of who has something queued, and nothing else', () => {
  backlog.open({ agent: 'other', tenant: 'a', priority: 0 });
  backlog.rewind([{ agent: 'faq', tenant: 'a' }]);
  expect(lines()).toEqual(['a/0', 'a/1', 'a/2', 'a/3']);
  expect(backlog.isOpen('other')).toBe(false);
});
