import { beforeEach, expect, test } from 'vitest';
import { createBacklog, type Backlog } from './backlog.ts';

let backlog: Backlog;
beforeEach(() => {
  backlog = createBacklog();
});

const line = (tenant: string, priority = 2) => ({ agent: 'faq', tenant, priority });
const task = (taskId: string, tenant = 'a') => ({ ...line(tenant), taskId });
const lines = () => backlog.cursors('faq').map(({ tenant, priority }) => `${tenant}/${priority}`);

test('a line is read from the front, and on from where it was read to', () => {
  backlog.open(line('a'));
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '-infinity' }]);
  backlog.wasRead(line('a'), { dueAt: '2026-11-28 10:00:00.000001+00', taskId: 't-7' }, false);
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '2026-11-28 10:00:00.000001+00', afterId: 't-7' }]);
  backlog.wasRead(line('a'), null, false);
  expect(backlog.cursors('faq')).toMatchObject([{ afterId: 't-7' }]);
});

test('a line that was read to its end is closed, and hides nothing any more', () => {
  backlog.open(line('a'));
  expect([backlog.isOpen('faq'), backlog.hides(task('t')), backlog.hides(task('t', 'b'))]).toEqual([true, true, false]);
  backlog.wasRead(line('a'), null, true);
  expect([backlog.isOpen('faq'), backlog.hides(task('t'))]).toEqual([false, false]);
});

test('what became due while a line was read to its end is told: the reader may have come too early for it', () => {
  backlog.open(line('a'));
  backlog.hides(task('before'));
  backlog.cursors('faq');
  expect(backlog.hides(task('meanwhile'))).toBe(true);
  expect(backlog.wasRead(line('a'), null, true)).toEqual(['meanwhile']);
});

test('what became due while a line was read, but not to its end, is read in its turn', () => {
  backlog.open(line('a'));
  backlog.cursors('faq');
  backlog.hides(task('meanwhile'));
  expect(backlog.wasRead(line('a'), { dueAt: 'now', taskId: 't' }, false)).toEqual([]);
  backlog.cursors('faq');
  expect(backlog.wasRead(line('a'), null, true)).toEqual([]);
});

test('a task that was passed and has no ticket any more has its line read again, once', () => {
  backlog.open(line('a'));
  backlog.wasRead(line('a'), { dueAt: 'now', taskId: 't' }, false);
  backlog.open(line('a'));
  expect(backlog.cursors('faq')).toMatchObject([{ afterId: 't' }]);
  backlog.wasRead(line('a'), null, true);
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '-infinity' }]);
  backlog.wasRead(line('a'), null, true);
  expect(backlog.isOpen('faq')).toBe(false);
});

test('more than is worth keeping became due meanwhile: the line is read again', () => {
  backlog.open(line('a'));
  backlog.cursors('faq');
  for (let n = 0; n < 2_000; n += 1) backlog.hides(task(`${n}`));
  expect(backlog.wasRead(line('a'), null, true)).toEqual([]);
  expect(backlog.cursors('faq')).toMatchObject([{ afterDueAt: '-infinity' }]);
});

test('the more urgent lines come first, and tenants take turns', () => {
  for (const tenant of ['a', 'b', 'c']) backlog.open(line(tenant));
  backlog.open(line('c', 0));
  expect(lines()).toEqual(['c/0', 'a/2', 'b/2', 'c/2']);
  backlog.wasRead(line('a'), { dueAt: 'now', taskId: 't' }, false);
  expect(lines()).toEqual(['c/0', 'b/2', 'c/2', 'a/2']);
});

test('lines of a tenant that is passed over keep their place', () => {
  for (const tenant of ['a', 'b']) backlog.open(line(tenant));
  expect(backlog.cursors('faq', ['a']).map(({ tenant }) => tenant)).toEqual(['b']);
  expect(lines()).toEqual(['a/2', 'b/2']);
});

test('who has something queued has every priority read', () => {
  backlog.open({ agent: 'other', tenant: 'a', priority: 0 });
  backlog.clear();
  backlog.openAll([{ agent: 'faq', tenant: 'a' }]);
  expect(lines()).toEqual(['a/0', 'a/1', 'a/2', 'a/3']);
  expect(backlog.isOpen('other')).toBe(false);
});
