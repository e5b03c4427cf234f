import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRoster, type Member } from './roster.ts';

const member = (workerId: string, slots: number, ...agents: string[]): Member => ({
  workerId,
  slots,
  agents: new Map(agents.map((agent) => [agent, '1'])),
});

test('a request is granted at once by the member with the most free slots', () => {
  const roster = createRoster<Member>();
  roster.join(member('small', 1, 'echo'));
  roster.join(member('large', 3, 'echo'));
  const granted: string[] = [];
  for (let n = 0; n < 4; n += 1) roster.request('echo', ({ workerId }) => granted.push(workerId));
  expect(granted.toSorted()).toEqual(['large', 'large', 'large', 'small']);
  expect(roster.free('echo')).toBe(0);
});

test('who asks while nothing is free waits in line, and a withdrawn request is not granted', () => {
  const roster = createRoster<Member>();
  const worker = member('w', 1, 'echo');
  roster.join(worker);
  const granted: string[] = [];
  roster.request('echo', () => granted.push('first'));
  const withdraw = roster.request('echo', () => granted.push('withdrawn'));
  roster.request('echo', () => granted.push('second'));
  withdraw();
  expect(granted).toEqual(['first']);
  roster.giveBack(worker);
  expect(granted).toEqual(['first', 'second']);
});

test('a member that comes back with tasks is given no more than its free slots, however many stand in line', () => {
  const roster = createRoster<Member>();
  const granted: string[] = [];
  for (let n = 0; n < 3; n += 1) roster.request('echo', ({ workerId }) => granted.push(workerId));
  roster.join(member('back', 3, 'echo'), 2);
  expect(granted).toEqual(['back']);
  expect(roster.free('echo')).toBe(0);
});

test('a member that rests is given nothing new; one that left counts no more', () => {
  const roster = createRoster<Member>();
  const worker = member('w', 2, 'echo');
  roster.join(worker);
  roster.rest(worker, 'silent');
  roster.rest(worker, 'draining');
  expect(roster.free('echo')).toBe(0);
  roster.wake(worker, 'silent');
  expect(roster.free('echo')).toBe(0);
  roster.wake(worker, 'draining');
  expect(roster.free('echo')).toBe(2);
  roster.leave(worker);
  roster.giveBack(worker);
  expect(roster.agents()).toEqual([]);
});

test('beside a busy agent no other starves on the same member', () => {
  const roster = createRoster<Member>();
  const worker = member('w', 1, 'busy', 'quiet');
  roster.join(worker, 1);
  const granted: string[] = [];
  for (let n = 0; n < 5; n += 1) roster.request('busy', () => granted.push('busy'));
  roster.request('quiet', () => granted.push('quiet'));
  for (let n = 0; n < 3; n += 1) roster.giveBack(worker);
  expect(granted).toEqual(['busy', 'quiet', 'busy']);
});

test('never more is assigned than is free, whatever happens in whatever order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('request'), agent: fc.constantFrom('a', 'b') }),
    fc.record({ kind: fc.constant('giveBack'), member: fc.nat(2) }),
    fc.record({ kind: fc.constant('join'), member: fc.nat(2) }),
    fc.record({ kind: fc.constant('leave'), member: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const members = [member('0', 2, 'a'), member('1', 1, 'b'), member('2', 3, 'a', 'b')] as const;
      const roster = createRoster<Member>();
      const held = new Map<Member, number>();
      for (const one of steps) {
        if ('agent' in one) {
          roster.request(one.agent, (chosen) => {
            expect(chosen.agents.has(one.agent)).toBe(true);
            held.set(chosen, (held.get(chosen) ?? 0) + 1);
          });
          continue;
        }
        const chosen = members[one.member] ?? members[0];
        if (one.kind === 'join' && !roster.members.includes(chosen)) {
          held.set(chosen, 0);
          roster.join(chosen);
        }
        if (one.kind === 'leave') roster.leave(chosen);
        if (one.kind === 'giveBack' && (held.get(chosen) ?? 0) > 0) {
          held.set(chosen, (held.get(chosen) ?? 0) - 1);
          roster.giveBack(chosen);
        }
      }
      for (const joined of roster.members) expect(held.get(joined) ?? 0).toBeLessThanOrEqual(joined.slots);
      const free = roster.members.reduce((sum, joined) => sum + joined.slots - (held.get(joined) ?? 0), 0);
      const counted = roster.members.reduce((sum, joined) => sum + roster.free([...joined.agents.keys()][0] ?? ''), 0);
      expect(counted).toBeGreaterThanOrEqual(free === 0 ? 0 : 1);
    }),
  );
});

test('whoever has waited for a slot leaves nothing behind at its signal', async () => {
  const roster = createRoster<Member>();
  const worker = member('w', 1, 'echo');
  roster.join(worker);
  const { signal } = new AbortController();
  for (let waits = 0; waits < 3; waits += 1) {
    roster.request('echo', () => undefined);
    const free = roster.untilFree('echo', signal);
    roster.giveBack(worker);
    await free;
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
