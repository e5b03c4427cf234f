import { AppError } from '@morningai/core/errors';
import { expect, test } from 'vitest';
import { withinBudget } from './within-budget.ts';

const stays = new AbortController().signal;

test('what is unavailable is tried again until it answers', async () => {
  let attempts = 0;
  const answer = await withinBudget(5_000, stays, async () => {
    if ((attempts += 1) < 3) throw new AppError('ORCHESTRATOR_UNAVAILABLE', 'away');
    return 'here';
  });
  expect([answer, attempts]).toEqual(['here', 3]);
});

test.each(['OVERLOADED', 'TASK_NOT_FOUND', 'LIMIT_REACHED', 'INTERNAL'] as const)(
  '%s is not tried again',
  async (code) => {
    let attempts = 0;
    const answer = withinBudget(5_000, stays, async () => {
      attempts += 1;
      throw new AppError(code, 'no');
    });
    await expect(answer).rejects.toMatchObject({ code });
    expect(attempts).toBe(1);
  },
);

test('the last refusal is told when the time is over', async () => {
  const answer = withinBudget(200, stays, async () => {
    throw new AppError('STORE_UNAVAILABLE', 'no Postgres');
  });
  await expect(answer).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

test('an attempt that is not answered ends with the time', async () => {
  const answer = withinBudget(
    50,
    stays,
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  await expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

test('a caller who leaves ends it at once', async () => {
  const gone = new AbortController();
  const answer = withinBudget(60_000, gone.signal, async () => {
    queueMicrotask(() => gone.abort(new AppError('DEADLINE_EXCEEDED', 'the caller is gone')));
    throw new AppError('ORCHESTRATOR_UNAVAILABLE', 'away');
  });
  await expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'the caller is gone' });
});
