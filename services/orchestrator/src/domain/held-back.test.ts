import { beforeEach, describe, expect, test } from 'vitest';
import { createHeldBack, type HeldBack } from './held-back.ts';

let nowMs = 0;
let held: HeldBack;
beforeEach(() => {
  nowMs = 0;
  held = createHeldBack(() => nowMs);
});

const task = (taskId: string, concurrencyKey: string | null = null) => ({
  taskId,
  agent: 'faq',
  tenant: 'acme',
  concurrencyKey,
});
const offered = (times: number) => Array.from({ length: times }, () => held.mayOffer('faq', 'acme'));

describe('of a tenant at its limit', () => {
  test('as many tasks are offered as attempts of its end', () => {
    held.hold(task('a'));
    expect([held.tenants('faq'), held.tenants('other'), held.isHeld('a')]).toEqual([['acme'], [], false]);
    expect(held.freed(task('b'))).toEqual({ next: null, isLimited: true });
    expect(held.tenants('faq')).toEqual([]);
    expect(offered(2)).toEqual([true, false]);
    expect(held.mayOffer('faq', 'another')).toBe(true);
  });

  test('a few are offered now and then: attempts may have ended elsewhere', () => {
    held.hold(task('a'));
    nowMs = 250;
    expect(offered(11)).toEqual([...Array.from({ length: 10 }, () => true), false]);
    held.hold(task('b'));
    expect(offered(1)).toEqual([false]);
  });

  test('a refusal of what was offered before takes back nothing of what has ended since', () => {
    held.hold(task('a'));
    for (const id of ['b', 'c', 'd']) held.freed(task(id));
    expect(held.credit('faq', 'acme')).toBe(3);
    held.hold(task('offered long ago'));
    expect(held.credit('faq', 'acme')).toBe(3);
    expect(offered(4)).toEqual([true, true, true, false]);
    expect(held.credit('faq', 'another')).toBe(Infinity);
  });

  test('all are offered again once nothing was refused for a while', () => {
    held.hold(task('a'));
    nowMs = 5_000;
    expect([held.tenants('faq'), held.freed(task('b')).isLimited]).toEqual([[], false]);
    expect(offered(100)).not.toContain(false);
  });
});

describe('tasks of a taken key', () => {
  const next = () => held.freed(task('done', 'key')).next?.taskId;

  test('wait in their order, and one comes each time the key is free', () => {
    for (const id of ['a', 'b', 'c']) held.hold(task(id, 'key'));
    held.hold({ ...task('x', 'key'), tenant: 'other' });
    expect([held.isHeld('a'), held.tenants('faq'), held.size]).toEqual([true, [], 4]);
    expect([next(), next(), next(), next()]).toEqual(['a', 'b', 'c', undefined]);
    expect([held.isHeld('a'), held.isHeld('x')]).toEqual([false, true]);
  });

  test('are tried again one by one when nobody was heard to free it', () => {
    held.hold(task('a', 'key'));
    held.hold(task('b', 'key'));
    expect(held.takeOverdue()).toEqual([]);
    nowMs = 1_000;
    expect(held.takeOverdue()).toEqual([{ taskId: 'a', agent: 'faq' }]);
    expect(held.takeOverdue()).toEqual([]);
    nowMs = 2_000;
    expect(held.takeOverdue()).toEqual([{ taskId: 'b', agent: 'faq' }]);
  });

  test('do not wait because of those before them that ended elsewhere', () => {
    for (const id of ['ended', 'ended too', 'waits']) held.hold(task(id, 'key'));
    nowMs = 1_000;
    expect(held.takeOverdue()).toEqual([{ taskId: 'ended', agent: 'faq' }]);
    expect(held.passed('acme', 'key')).toEqual({ taskId: 'ended too', agent: 'faq' });
    expect(held.passed('acme', 'key')).toEqual({ taskId: 'waits', agent: 'faq' });
    expect([held.passed('acme', 'key'), held.passed('acme', 'other'), held.size]).toEqual([null, null, 0]);
  });

  test('are bounded: those beyond are offered again', () => {
    for (let n = 0; n <= 10_000; n += 1) held.hold(task(`t-${n}`, 'key'));
    expect([held.isHeld('t-9999'), held.isHeld('t-10000')]).toEqual([true, false]);
  });
});
