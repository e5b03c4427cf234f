import { expect, test } from 'vitest';
import { redisUrlOf } from './connect.ts';

test('REDIS_URL may name a server or Sentinels; what it may not is said without its password', () => {
  expect(redisUrlOf({})).toBeUndefined();
  expect(redisUrlOf({ REDIS_URL: '' })).toBeUndefined();
  for (const url of ['redis://cache', 'redis+sentinel://s1,s2/mymaster'])
    expect(redisUrlOf({ REDIS_URL: url })).toBe(url);
  const wrong = () => redisUrlOf({ REDIS_URL: 'redis+sentinel://:hunter22@s1,s2' });
  expect(wrong).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(wrong).toThrow(/^REDIS_URL: names no primary/);
  expect(wrong).not.toThrow(/hunter22/);
});
