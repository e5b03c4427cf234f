import { isErrorCode } from '@morningai/core/errors';
import { judge, type Invariant } from './evidence.ts';

const LATER: ReadonlySet<number> = new Set([429, 503, 504]);

export const explicitRefusals: Invariant = {
  number: 24,
  name: 'explicit-refusals',
  promise: 'every refusal has a documented code; one that may be repeated says when; nothing is answered with 500',
  always: false,
  check({ operations }) {
    const refused = operations.filter(
      ({ op, answered }) => op !== 'health' && answered.http !== undefined && answered.http >= 400,
    );
    return judge(refused, ({ op, key, answered: { http = 0, code = '', hasRetryAfter } }) => {
      if (!isErrorCode(code)) return `${op} of ${key} was answered ${http} with code "${code}"`;
      if (http >= 500 && !LATER.has(http)) return `${op} of ${key} was answered ${http} ${code}`;
      return LATER.has(http) && hasRetryAfter !== true
        ? `${op} of ${key} was answered ${http} without Retry-After`
        : null;
    });
  },
};
