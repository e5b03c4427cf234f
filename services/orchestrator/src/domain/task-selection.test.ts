import { expect, test } from 'vitest';
import { selectionOf, type RequestedSelection } from './task-selection.ts';

const NOTHING: RequestedSelection = {
  ids: [],
  status: '',
  agent: '',
  label: '',
  errorCode: '',
  before: undefined,
  all: false,
};
const ID = '01939d3a-0000-7000-8000-000000000000';

const select = (asked: Partial<RequestedSelection>, among: 'open' | 'failed' = 'open') =>
  selectionOf('acme', { ...NOTHING, ...asked }, among);

test('what is not asked for matches everything', () => {
  const all = { tenant: 'acme', ids: null, status: null, agent: null, label: null, errorCode: null, before: null };
  expect(select({ all: true })).toEqual(all);
  expect(select({ agent: 'faq' })).toEqual({ ...all, agent: 'faq' });
  expect(select({ ids: [ID], status: 'queued' })).toEqual({ ...all, ids: [ID], status: 'queued' });
  expect(select({ status: 'failed', errorCode: 'OOPS' }, 'failed')).toMatchObject({ errorCode: 'OOPS' });
});

test('a label is a name, or a name and a value, which may have colons', () => {
  expect(select({ label: 'team' }).label).toEqual({ name: 'team', value: null });
  expect(select({ label: 'url:http://a' }).label).toEqual({ name: 'url', value: 'http://a' });
});

test.each<[string, Partial<RequestedSelection>, 'open' | 'failed']>([
  ['nothing at all', {}, 'open'],
  ['nothing at all, of the failed', {}, 'failed'],
  ['finished tasks, to cancel', { status: 'completed' }, 'open'],
  ['open tasks, to retry', { status: 'queued' }, 'failed'],
  ['the error of open tasks', { errorCode: 'OOPS' }, 'open'],
  ['an id that is none', { ids: ['x'] }, 'open'],
  ['a time that is none', { before: new Date(Number.NaN) }, 'open'],
  ['a time that Postgres does not know', { before: new Date(-8.64e15) }, 'failed'],
  ['too many ids', { ids: Array.from({ length: 1_001 }, () => ID) }, 'open'],
])('%s is refused', (_, asked, among) => {
  expect(() => select(asked, among)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

test('no filter is an empty one', () => {
  expect(() => selectionOf('acme', undefined, 'open')).toThrow(/"all": true/);
});
