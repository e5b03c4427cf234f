import { describe, expect, test } from 'vitest';
import { SLUG_LIMITS, shortHash, slugOf } from './slug.ts';

describe('the slug of a question', () => {
  test.each([
    ['Test question during Redis outage', 'test-question-during-redis-outage'],
    ['What is Phase 10?', 'what-is-phase-10'],
    ['如何使用 Ops Agent 監控系統健康？', '如何使用-ops-agent-監控系統健康'],
    ['  a \n b --- c ', 'a-b-c'],
    ['../../etc/passwd', 'etcpasswd'],
    ['.hidden', 'hidden'],
  ])('%j is %s', (question, slug) => {
    expect(slugOf(question)).toBe(slug);
  });

  test.each(['???', '🤷', '。。。', '-'])('%j, signs only, gets a name by its hash', (question) => {
    expect(slugOf(question)).toBe(`question-${shortHash(question)}`);
  });

  test('a long question is cut between characters', () => {
    const slug = slugOf('監'.repeat(2_000));
    expect(Buffer.byteLength(slug)).toBeLessThanOrEqual(SLUG_LIMITS.bytes);
    expect(slug).toBe('監'.repeat(Math.floor(SLUG_LIMITS.bytes / 3)));
  });

  test('the hash tells questions apart that have one slug', () => {
    expect(slugOf('Is it up?')).toBe(slugOf('Is it up!'));
    expect(shortHash('Is it up?')).not.toBe(shortHash('Is it up!'));
    expect(shortHash('Is it up?')).toMatch(/^[0-9a-f]{12}$/);
  });
});
