import { expect, test } from 'vitest';
import { parseIdempotencyKey } from './idempotency-key.ts';

test('a key of 1 to 255 visible characters is taken, and none is none', () => {
  expect(parseIdempotencyKey([])).toBeUndefined();
  expect(parseIdempotencyKey(['a'])).toBe('a');
  expect(parseIdempotencyKey(['~'.repeat(255)])).toBe('~'.repeat(255));
});

test.each([[['']], [['a'.repeat(256)]], [['a b']], [['ü']], [['a', 'a']]])('%j is refused', (given) => {
  expect(() => parseIdempotencyKey(given)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});
