import { LIMITS } from '@morningai/core/limits';
import { expect, test } from 'vitest';
import { checked } from './checked.ts';
import { submission, taskSpecOf } from './submission.ts';

const NOW = Date.parse('2026-11-23T06:00:00Z');
const ID = '01939d3a-0000-7000-8000-000000000000';

const specOf = (body: unknown) =>
  taskSpecOf(checked(submission, body), { id: ID, now: NOW, idempotencyKey: undefined });

const codeOf = (body: unknown) => {
  try {
    specOf(body);
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const echo = { agent: 'echo', input: null };
const nested = (depth: number): unknown => (depth === 1 ? [] : [nested(depth - 1)]);
const wide = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, 1]));

test('what is left out has a default', () => {
  expect(specOf(echo)).toEqual({
    id: ID,
    agent: 'echo',
    inputJson: 'null',
    priority: 2,
    dueAt: undefined,
    expiresAt: undefined,
    maxAttempts: 0,
    concurrencyKey: '',
    labels: {},
    idempotencyKey: '',
  });
});

test.each([
  ['an input at its limits', { ...echo, input: 'a'.repeat(LIMITS.inputBytes - 2) }, 'taken'],
  ['an input that is one byte too large', { ...echo, input: 'a'.repeat(LIMITS.inputBytes - 1) }, 'INPUT_TOO_LARGE'],
  [
    'an input that is too large in UTF-8 only',
    { ...echo, input: 'ü'.repeat(LIMITS.inputBytes / 2) },
    'INPUT_TOO_LARGE',
  ],
  ['the deepest input', { ...echo, input: nested(LIMITS.jsonDepth) }, 'taken'],
  ['a deeper input', { ...echo, input: nested(LIMITS.jsonDepth + 1) }, 'JSON_TOO_COMPLEX'],
  ['the widest input', { ...echo, input: wide(LIMITS.jsonKeys) }, 'taken'],
  ['a wider input', { ...echo, input: wide(LIMITS.jsonKeys + 1) }, 'JSON_TOO_COMPLEX'],
  ['a past dueAt', { ...echo, dueAt: '2020-01-01T00:00:00Z' }, 'taken'],
  ['a dueAt in another zone', { ...echo, dueAt: '2026-11-24T06:00:00+08:00' }, 'taken'],
  ['a dueAt without a zone', { ...echo, dueAt: '2026-11-24T06:00:00' }, 'REQUEST_INVALID'],
  ['a dueAt years ahead', { ...echo, dueAt: '2030-01-01T00:00:00Z' }, 'REQUEST_INVALID'],
  ['a day that there is not', { ...echo, dueAt: '2026-02-30T00:00:00Z' }, 'REQUEST_INVALID'],
  [
    'an expiry before dueAt',
    { ...echo, dueAt: '2026-11-24T00:00:00Z', expiresAt: '2026-11-23T00:00:00Z' },
    'REQUEST_INVALID',
  ],
  ['an expiry alone', { ...echo, expiresAt: '2026-11-24T00:00:00Z' }, 'taken'],
  ['a NUL in a label', { ...echo, labels: { a: '\0' } }, 'TEXT_NOT_STORABLE'],
  ['a lone surrogate in a label name', { ...echo, labels: { '\ud800': 'a' } }, 'TEXT_NOT_STORABLE'],
  ['a label name with a colon', { ...echo, labels: { 'a:b': 'c' } }, 'REQUEST_INVALID'],
  [
    '33 labels',
    { ...echo, labels: Object.fromEntries(Object.keys(wide(33)).map((key) => [key, ''])) },
    'REQUEST_INVALID',
  ],
  ['a NUL in the agent', { ...echo, agent: 'a\0' }, 'TEXT_NOT_STORABLE'],
  ['a number that is no double', { ...echo, input: [Infinity] }, 'NUMBER_OUT_OF_RANGE'],
  ['no input', { agent: 'echo' }, 'REQUEST_INVALID'],
])('%s', (_, body, outcome) => {
  expect(codeOf(body)).toBe(outcome);
});

test('keys that reach a prototype are dropped from the input', () => {
  const input: unknown = JSON.parse('{"a":{"__proto__":{"b":1},"constructor":2,"c":3}}');
  expect(specOf({ agent: 'echo', input }).inputJson).toBe('{"a":{"c":3}}');
});

test('a refusal names the field', () => {
  expect(() => specOf({ ...echo, priority: 4, nonsense: 1 })).toThrow(/priority.*nonsense/s);
});

test('a refusal is short and well formed, whatever the key was', () => {
  const body = { ...echo, [`\ud800${'x'.repeat(10_000)}`]: 1 };
  try {
    specOf(body);
    expect.unreachable();
  } catch (error) {
    expect((error as Error).message.length).toBeLessThan(400);
    expect((error as Error).message.isWellFormed()).toBe(true);
  }
});
