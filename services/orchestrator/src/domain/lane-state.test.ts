import { expect, test } from 'vitest';
import { createLaneState, type LaneFacts } from './lane-state.ts';

const well = { connected: true, problem: null };
const leading: LaneFacts = { ...well, term: 3 };
const following: LaneFacts = { ...well, term: null };
const mark = { term: 3, epoch: 5, beat: 0 };

/** Leads epoch 5 in term 3. */
function leader() {
  const state = createLaneState();
  state.next(leading);
  state.planted({ kind: 'ok', mark });
  return state;
}

test('while Redis is away, or not to be relied on, it is asked nothing', () => {
  const state = createLaneState();
  expect(state.next({ connected: false, problem: null, term: 3 })).toEqual({ ask: 'nothing', why: 'redis is away' });
  expect(state.next({ connected: true, problem: 'it evicts', term: 3 })).toEqual({ ask: 'nothing', why: 'it evicts' });
});

test('a new leader begins an epoch, and then raises its beat', () => {
  const state = createLaneState();
  expect(state.next(leading)).toEqual({ ask: 'epoch', term: 3, cause: 'a new leader' });
  expect(state.planted({ kind: 'ok', mark })).toEqual({ kind: 'open', epoch: 5, term: 3 });
  expect(state.next(leading)).toEqual({ ask: 'beat', last: mark });
  const raised = { ...mark, beat: 1 };
  expect(state.beaten({ kind: 'ok', mark: raised })).toEqual({ kind: 'open', epoch: 5, term: 3 });
  expect(state.next(leading)).toEqual({ ask: 'beat', last: raised });
});

test('an epoch whose marker was not set is begun again', () => {
  const state = createLaneState();
  state.next(leading);
  expect(state.next(leading)).toEqual({ ask: 'epoch', term: 3, cause: 'a new leader' });
});

test('a Redis that forgot gets the next epoch', () => {
  expect(leader().beaten({ kind: 'forgot' })).toEqual({ kind: 'forgot', term: 3, cause: 'redis forgot' });
});

test('a connection that broke and came back is no new epoch', () => {
  const state = leader();
  state.next({ connected: false, problem: null, term: 3 });
  expect(state.next(leading)).toEqual({ ask: 'beat', last: mark });
});

test('who leads again in a higher term begins an epoch', () => {
  expect(leader().next({ ...leading, term: 4 })).toEqual({ ask: 'epoch', term: 4, cause: 'a new leader' });
});

test('who followed meanwhile begins an epoch, also in its old term', () => {
  const state = leader();
  state.next(following);
  expect(state.next(leading)).toEqual({ ask: 'epoch', term: 3, cause: 'a new leader' });
});

test.each(['beaten', 'planted'] as const)('a marker of a higher term overrules: %s', (how) => {
  const state = leader();
  const meaning = state[how]({ kind: 'superseded', mark: { term: 9, epoch: 8, beat: 1 } });
  expect(meaning).toMatchObject({ kind: 'overruled', above: 9 });
  expect(state.next(leading)).toMatchObject({ ask: 'epoch' });
});

test('a follower believes in an epoch while its beat rises', () => {
  const state = createLaneState();
  expect(state.next(following)).toEqual({ ask: 'read' });
  expect(state.found(null, 0)).toEqual({ kind: 'closed', why: 'redis has no marker' });
  const open = { kind: 'open', epoch: 5, term: null };
  expect(state.found(mark, 1_000)).toEqual(open);
  expect(state.found(mark, 3_000)).toEqual(open);
  expect(state.found(mark, 3_001)).toEqual({ kind: 'closed', why: 'the leader raises no beat' });
  expect(state.found({ ...mark, beat: 1 }, 3_100)).toEqual(open);
});

test('after a move the leader begins an epoch, whatever it left in the Redis before', () => {
  const state = leader();
  state.moved();
  expect(state.next(leading)).toEqual({ ask: 'epoch', term: 3, cause: 'moved to another redis' });
  state.planted({ kind: 'ok', mark: { ...mark, epoch: 6 } });
  expect(state.next(leading)).toMatchObject({ ask: 'beat' });
  expect(state.next({ ...leading, term: 4 })).toMatchObject({ cause: 'a new leader' });
});

test('after a move a follower believes what it finds there, and not how long ago it saw the beat rise elsewhere', () => {
  const state = createLaneState();
  state.found(mark, 0);
  state.moved();
  expect(state.found(mark, 60_000)).toEqual({ kind: 'open', epoch: 5, term: null });
});
