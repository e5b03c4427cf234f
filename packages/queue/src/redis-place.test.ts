import { expect, test } from 'vitest';
import { redisPlace } from './redis-place.ts';

test.each([
  ['redis://:s3cret@There:6380/2?password=s3cret', 'redis://there:6380/2'],
  ['rediss://me:s3cr%40t@there', 'rediss://there:6379'],
  ['redis://there/0', 'redis://there:6379'],
  ['redis://[::1]:7000', 'redis://[::1]:7000'],
  [
    'redis+sentinel://:s3cret@one:26379,two:26379/main?sentinelPassword=s3cret',
    'redis+sentinel://one:26379,two:26379/main',
  ],
  ['redis://me:s3@cret@there', 'redis://there:6379'],
  ['not a URL', 'not a URL'],
])('%s is at %s', (url, place) => {
  expect(redisPlace(url)).toBe(place);
});
