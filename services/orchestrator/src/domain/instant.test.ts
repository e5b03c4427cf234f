import { expect, test } from 'vitest';
import { parseInstant } from './instant.ts';

test.each(['0001-01-01T00:00:00.000Z', '2026-11-28T12:00:00.000Z', '9999-12-31T23:59:59.999Z'])(
  '%s is a time',
  (text) => {
    expect(parseInstant('dueAt', new Date(text)).toISOString()).toBe(text);
  },
);

test.each([NaN, 8.64e15, -8.64e15])('%d ms is none', (ms) => {
  expect(() => parseInstant('dueAt', new Date(ms))).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});
