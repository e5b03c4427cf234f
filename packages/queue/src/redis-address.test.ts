import { describe, expect, test } from 'vitest';
import { parseRedisAddress } from './redis-address.ts';

const NOBODY = { username: undefined, password: undefined };

describe('one server', () => {
  test.each(['redis://cache', 'rediss://me:pw@cache:6380/2', 'REDIS://:p%40ss@10.0.0.1?family=6'])(
    '%s is left to ioredis',
    (url) => {
      expect(parseRedisAddress(url)).toEqual({ kind: 'server', url });
    },
  );
});

describe('Sentinels', () => {
  test('are a list of hosts, and the name that they give the primary', () => {
    expect(parseRedisAddress('redis+sentinel://s1:26380,s2,[::1]:26381/mymaster')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 's1', port: 26380 },
        { host: 's2', port: 26379 },
        { host: '::1', port: 26381 },
      ],
      primary: 'mymaster',
      db: 0,
      tls: false,
      server: NOBODY,
      sentinel: NOBODY,
    });
  });

  test('may have a login of their own beside that of the servers', () => {
    const text = 'rediss+sentinel://me:p%40ss%2F@s1/jobs/3?sentinel_username=watch&sentinel_password=w%26w';
    expect(parseRedisAddress(text)).toMatchObject({
      primary: 'jobs',
      db: 3,
      tls: true,
      server: { username: 'me', password: 'p@ss/' },
      sentinel: { username: 'watch', password: 'w&w' },
    });
  });

  test('a lone password is that of the servers, and not given to the Sentinels', () => {
    expect(parseRedisAddress('redis+sentinel://:secret@s1/mymaster')).toMatchObject({
      server: { username: undefined, password: 'secret' },
      sentinel: NOBODY,
    });
  });
});

test.each([
  ['', 'must be a URL with redis://'],
  ['http://s1', 'must be a URL with redis://'],
  ['redis:cache', 'must be a URL with redis://'],
  ['redis-sentinel://s1#mymaster', 'must be a URL with redis://'],
  ['sentinel://s1/mymaster', 'must be a URL with redis://'],
  // As options of the client these end whoever connects, or lead to a socket.
  ['redis://cache?keyPrefix=x', 'has unknown parameters: keyPrefix; known are db, family, username, password'],
  ['redis://cache/?path=/elsewhere.sock&db=1', 'has unknown parameters: path'],
  ['redis+sentinel://s1,s2', 'names no primary'],
  ['redis+sentinel://s1,s2/', 'names no primary'],
  ['redis+sentinel:///mymaster', 'is no Sentinel'],
  ['redis+sentinel://s1,,s2/mymaster', '"" is no Sentinel'],
  ['redis+sentinel://s1:0/mymaster', '"s1:0" is no Sentinel'],
  ['redis+sentinel://s1:70000/mymaster', '"s1:70000" is no Sentinel'],
  ['redis+sentinel://s1:port/mymaster', '"s1:port" is no Sentinel'],
  ['redis+sentinel://::1/mymaster', '"::1" is no Sentinel'],
  ['redis+sentinel://s1/mymaster/zero', 'the number of a database'],
  ['redis+sentinel://s1/mymaster/0/1', 'the number of a database'],
  ['redis+sentinel://s1/mymaster?sentinelPassword=hunter22', 'unknown parameters: sentinelPassword'],
  ['redis+sentinel://s1/mymaster?sentinel_username=me', 'without sentinel_password'],
  ['redis+sentinel://:hunter22%@s1/mymaster', 'stray "%"'],
  ['redis+sentinel://:hunter22@mine@s1/mymaster', 'must be a URL with redis://'],
  [`redis+sentinel://${Array.from({ length: 17 }, (_, n) => `s${n}`).join(',')}/mymaster`, '17 Sentinels: at most 16'],
])('%s is refused, and says why without a password', (text, why) => {
  const parse = () => parseRedisAddress(text);
  expect(parse).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(why) }));
  expect(parse).not.toThrow(/hunter22/);
});
