import { expect, test } from 'vitest';
import { AgentError, NotRetryable, RetryAfter } from './agent.ts';

test('a failure says whether another attempt helps, and when', () => {
  const cause = new Error('429');
  expect(new AgentError('OOPS', 'it failed')).toMatchObject({ notRetryable: false, retryAfterMs: undefined });
  expect(new NotRetryable('NO_WAY', 'it cannot be done', { cause })).toMatchObject({ notRetryable: true, cause });
  expect(new RetryAfter(1_500, 'LATER', 'busy', { cause })).toMatchObject({ retryAfterMs: 1_500, notRetryable: false });
});

test.each([-1, Number.NaN, Infinity])('a wait of %d ms is refused where it is written', (retryAfterMs) => {
  expect(() => new RetryAfter(retryAfterMs, 'LATER', 'busy')).toThrow(RangeError);
});
