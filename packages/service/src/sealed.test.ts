import { expect, test } from 'vitest';
import { fingerprint, seal, unseal } from './sealed.ts';

const KEY = 'a-key-for-tests-only';
const SECRET = 'redis://:s3cret@there:6379';

test('what was sealed is opened by the same key, and shows nothing', () => {
  const sealed = seal(SECRET, KEY, 'redis-url');
  expect(unseal(sealed, KEY, 'redis-url')).toBe(SECRET);
  expect(sealed).not.toContain('s3cret');
  expect(seal(SECRET, KEY, 'redis-url')).not.toBe(sealed);
});

test('another key, another purpose, or a changed text opens nothing', () => {
  const sealed = seal(SECRET, KEY, 'redis-url');
  expect(unseal(sealed, 'another-key-for-tests', 'redis-url')).toBeNull();
  expect(unseal(sealed, KEY, 'something-else')).toBeNull();
  expect(unseal(`${sealed.slice(0, -4)}AAAA`, KEY, 'redis-url')).toBeNull();
  for (const text of ['', '1.', '2.abc', 'nonsense', '1.AAAA']) expect(unseal(text, KEY, 'redis-url')).toBeNull();
});

test('a fingerprint is the same for the same text and key, and for no other', () => {
  const print = fingerprint(SECRET, KEY, 'redis-url');
  expect(fingerprint(SECRET, KEY, 'redis-url')).toBe(print);
  expect(fingerprint(`${SECRET}/1`, KEY, 'redis-url')).not.toBe(print);
  expect(fingerprint(SECRET, 'another-key-for-tests', 'redis-url')).not.toBe(print);
});
