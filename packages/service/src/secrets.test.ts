import { expect, test } from 'vitest';
import { secretsOf, withoutSecrets } from './secrets.ts';

test('a password is a secret as it stands in the URL and as it is meant', () => {
  expect(secretsOf('postgres://me:p%40ss@db:5432/x')).toEqual(['p%40ss', 'p@ss']);
});

test('a lone user name is a secret to NATS only', () => {
  expect(secretsOf('nats://token@n:4222')).toEqual(['token']);
  expect(secretsOf('postgres://me@db/x')).toEqual([]);
});

test('a password among the options of a URL is one', () => {
  expect(secretsOf('redis://there?sentinelPassword=s3cret&db=1')).toEqual(['s3cret']);
});

test('a stray percent sign is no error', () => {
  expect(secretsOf('redis://:100%@r:6379')).toEqual(['100%']);
});

test('behind Sentinels there are two passwords', () => {
  const sentinels = 'redis+sentinel://me:p%40ss@s1,s2:26379/mymaster?sentinel_password=w';
  expect(secretsOf(sentinels)).toEqual(['p%40ss', 'p@ss', 'w']);
  expect(secretsOf('redis+sentinel://s1,s2/mymaster')).toEqual([]);
});

test('no secret is left in a text', () => {
  expect(withoutSecrets('bad p@ss, p%40ss, p@ss', ['p%40ss', 'p@ss'])).toBe('bad ***, ***, ***');
});
