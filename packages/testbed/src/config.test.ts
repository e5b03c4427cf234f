import { expect, test } from 'vitest';
import { readConfig, watcherEnvironment } from './config.ts';

test('an empty environment leaves every choice to the testbed', () => {
  const config = readConfig({});
  expect(config.provider).toBeUndefined();
  expect(config.images).toEqual({});
  expect(config.testUrls).toEqual({});
});

test('an unknown provider is refused', () => {
  expect(() => readConfig({ TESTBED: 'docker' })).toThrow(expect.objectContaining({ code: 'TESTBED_CONFIG_INVALID' }));
});

test('the cache, the images and the servers of a test run can be named', () => {
  const config = readConfig({
    TESTBED: 'containers',
    TESTBED_CACHE: '/somewhere',
    TESTBED_NATS_IMAGE: 'mine:1',
    TESTBED_DATABASE_URL: 'postgres://there',
  });
  expect(config).toMatchObject({
    provider: 'containers',
    cacheFolders: ['/somewhere'],
    images: { nats: 'mine:1' },
    testUrls: { postgres: 'postgres://there' },
  });
});

test('the names of servers in use are not read: a test run must not empty the database of an application', () => {
  expect(readConfig({ DATABASE_URL: 'postgres://there', REDIS_URL: 'redis://there' }).testUrls).toEqual({});
});

test('the watcher does not inherit options for Node', () => {
  expect(watcherEnvironment({ NODE_OPTIONS: '--inspect', HOME: '/home' })).toEqual({ HOME: '/home' });
});
