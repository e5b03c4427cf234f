import { describe, expect, test } from 'vitest';
import { isTelling, isUnspaced, termsOf } from './terms.ts';

describe('the terms of a text', () => {
  test('words are lower case, identifiers fall into their parts', () => {
    expect(termsOf('Run redis-cli, see /v1/tasks and maxmemory_policy.')).toEqual([
      'run',
      'redis',
      'cli',
      'see',
      'v1',
      'task',
      'and',
      'maxmemory',
      'policy',
    ]);
  });

  test('a plural is its singular; Redis, status and address are not plurals', () => {
    expect(termsOf('tasks queues redis status address')).toEqual(['task', 'queue', 'redis', 'status', 'address']);
  });

  test('Chinese comes in pairs, beside and inside other text', () => {
    expect(termsOf('Redis掛了怎麼辦 Ops')).toEqual(['redis', '掛了', '了怎', '怎麼', '麼辦', 'ops']);
    expect(termsOf('鎖')).toEqual(['鎖']);
  });

  test('full-width letters are the plain ones', () => {
    expect(termsOf('Ｒｅｄｉｓ')).toEqual(['redis']);
  });

  test('function words tell nothing, in either language', () => {
    expect(termsOf('What does this mean? 如何').filter(isTelling)).toEqual([]);
    expect(termsOf('Redis is down').filter(isTelling)).toEqual(['redis', 'down']);
  });

  test('a pair of characters is known from a word', () => {
    expect([isUnspaced('監控'), isUnspaced('redis')]).toEqual([true, false]);
  });
});
