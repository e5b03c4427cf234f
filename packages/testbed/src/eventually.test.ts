import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('answers what the check answers, once it stops throwing', async () => {
  let tries = 0;
  const check = () => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    return tries;
  };
  expect(await eventually(check, { everyMs: 1 })).toBe(3);
});

test('throws the last error of the check at the deadline', async () => {
  const check = () => Promise.reject(new Error('never'));
  await expect(eventually(check, { deadlineMs: 5, everyMs: 1 })).rejects.toThrow('never');
});

test('can be given up', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(eventually(() => Promise.reject(new Error('never')), { signal })).rejects.toThrow('enough');
});
