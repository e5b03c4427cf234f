import type { RedisFacts } from '@morningai/queue/inspect-redis';
import { expect, test } from 'vitest';
import { checkTarget, saidByOther, unreachable } from './move-check.ts';

const PLACE = 'redis://b:6379';
const empty: RedisFacts = {
  runId: 'b1',
  version: '8.0.2',
  role: 'master',
  isCluster: false,
  memoryPolicy: 'noeviction',
  ownKeys: 0,
  foreignKey: null,
  refusal: null,
};
const codeOf = (facts: Partial<RedisFacts>, runIdNow: string | null = 'a1') => {
  try {
    checkTarget(PLACE, { ...empty, ...facts }, runIdNow);
    return 'fit';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each<[string, Partial<RedisFacts>]>([
  ['fit', {}],
  ['fit', { ownKeys: 500 }],
  ['fit', { version: '6.2.0' }],
  ['QUEUE_TARGET_UNFIT', { version: '6.0.16' }],
  ['QUEUE_TARGET_UNFIT', { version: '' }],
  ['QUEUE_TARGET_UNFIT', { role: 'slave', refusal: "READONLY You can't write against a read only replica." }],
  ['QUEUE_TARGET_UNFIT', { isCluster: true }],
  ['QUEUE_TARGET_UNFIT', { refusal: "OOM command not allowed when used memory > 'maxmemory'." }],
  ['QUEUE_TARGET_REFUSES', { refusal: "NOPERM User x has no permissions to run the 'set' command" }],
  ['QUEUE_TARGET_EVICTS', { memoryPolicy: 'allkeys-lru' }],
  ['QUEUE_TARGET_TAKEN', { foreignKey: 'sessions:1' }],
  ['QUEUE_TARGET_TAKEN', { foreignKey: 'morningai-0a1b2c3d:marker' }],
  ['QUEUE_ALREADY_THERE', { runId: 'a1' }],
])('%s: %j', (code, facts) => {
  expect(codeOf(facts)).toBe(code);
});

test('a Redis that does not answer is not the one that is moved to', () => {
  expect(codeOf({}, null)).toBe('fit');
});

test('another log is named', () => {
  expect(() => checkTarget(PLACE, { ...empty, foreignKey: 'morningai-0a1b2c3d:marker' }, null)).toThrow(
    'has the queue of another log, morningai-0a1b2c3d',
  );
});

test.each([
  ['QUEUE_TARGET_REFUSES', 'WRONGPASS invalid username-password pair or user is disabled.'],
  ['QUEUE_TARGET_REFUSES', 'NOAUTH Authentication required.'],
  ['QUEUE_TARGET_UNREACHABLE', 'connect ECONNREFUSED 127.0.0.1:1'],
])('%s: %s', (code, why) => {
  expect(unreachable(PLACE, why)).toMatchObject({ code });
});

test('what a foreign server says is short, of one line, and holds no secret', () => {
  expect(saidByOther('ERR no\r\n\u001b[2Jp@ss here', ['p@ss'])).toBe('ERR no [2J*** here');
  expect(saidByOther('x'.repeat(1_000_000), [])).toHaveLength(201);
});
