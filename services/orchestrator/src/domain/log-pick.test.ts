import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pickOf, pickSize, type PickRules } from './log-pick.ts';

const facts = { free: 3, atLeast: 1, taking: 0, heldBack: 0, rank: 0 };
const anything: PickRules = { isTaking: () => false, isHeld: () => false, mayOffer: () => true };
const tasks = (count: number) => Array.from({ length: count }, (_, n) => ({ taskId: `t${n}`, tenant: `x${n % 2}` }));

test('as many are wanted as slots are free, and at least so many', () => {
  expect(pickSize(facts)).toEqual({ wanted: 3, limit: 3, offset: 0 });
  expect(pickSize({ ...facts, atLeast: 200 })).toEqual({ wanted: 200, limit: 200, offset: 0 });
  expect(pickSize({ ...facts, free: 100_000 }).wanted).toBe(2_000);
});

test('what is of no use here is asked for beside, so that it hides nothing', () => {
  expect(pickSize({ ...facts, taking: 40, heldBack: 2 }).limit).toBe(45);
});

test('each orchestrator begins at another place', () => {
  expect(pickSize({ ...facts, rank: 2 }).offset).toBe(6);
});

test('what is being taken or held back is passed over, and so is a tenant that is offered nothing', () => {
  const rules = { ...anything, isTaking: (id: string) => id === 't0', isHeld: (id: string) => id === 't1' };
  expect(pickOf(tasks(4), 10, rules)).toEqual({ picked: ['t2', 't3'], isAll: true });
  expect(pickOf(tasks(4), 10, { ...anything, mayOffer: (tenant) => tenant === 'x1' }).picked).toEqual(['t1', 't3']);
});

test('a full page says nothing of what is behind it', () => {
  expect(pickOf(tasks(4), 4, anything).isAll).toBe(false);
  expect(pickOf(tasks(4), 5, anything).isAll).toBe(true);
});

test('whatever is in the way, no due task of use is hidden behind it', () => {
  const row = fc.record({ taking: fc.boolean(), held: fc.boolean() });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (rows, free) => {
      const taking = rows.filter((one) => one.taking).length;
      const heldBack = rows.filter((one) => one.held && !one.taking).length;
      const { wanted, limit } = pickSize({ free, atLeast: 1, taking, heldBack, rank: 0 });
      const page = rows.map((_, n) => ({ taskId: `${n}`, tenant: 'x' })).slice(0, limit);
      const rules: PickRules = {
        isTaking: (id) => rows[Number(id)]?.taking ?? false,
        isHeld: (id) => rows[Number(id)]?.held ?? false,
        mayOffer: () => true,
      };
      const useful = rows.filter((one) => !one.taking && !one.held).length;
      expect(pickOf(page, wanted, rules).picked).toHaveLength(Math.min(wanted, useful));
    }),
  );
});
