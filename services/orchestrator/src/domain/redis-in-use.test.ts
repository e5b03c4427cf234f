import { expect, test } from 'vitest';
import { redisInUse } from './redis-in-use.ts';

const configured = { url: 'redis://:old@a:6379', place: 'redis://a:6379' };
const movedAt = new Date(0);
const moved = { move: 3, place: 'redis://b:6379', sealedUrl: 'sealed', fingerprint: 'f', movedAt };
const open = () => 'redis://:new@b:6379';

test('a queue that was never moved is where REDIS_URL says', () => {
  expect(redisInUse(configured, null, open)).toMatchObject({ ...configured, move: 0, movedAt: null });
});

test('a queue that was moved is where it was moved to, whatever REDIS_URL says', () => {
  expect(redisInUse(configured, moved, open)).toMatchObject({
    url: 'redis://:new@b:6379',
    place: 'redis://b:6379',
    move: 3,
    movedAt,
    isLocked: false,
  });
});

test('once it is settled REDIS_URL holds again, by a change of its own', () => {
  const settled = { ...moved, move: 4, place: null, sealedUrl: null, fingerprint: null };
  expect(redisInUse(configured, settled, open)).toMatchObject({ ...configured, move: 4, movedAt: null });
});

test('a URL that another API key has sealed is used without its password', () => {
  expect(redisInUse(configured, moved, () => null)).toMatchObject({ url: 'redis://b:6379', isLocked: true });
});
