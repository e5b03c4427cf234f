import { createLogger } from '@morningai/service/logger';
import { expect, test } from 'vitest';
import { watchPostgres } from './watch-postgres.ts';

const logger = createLogger('memory', 'silent');
const url = 'postgres://me:hunter22@nowhere/x';

test('nothing is said of a Postgres that never answered', async () => {
  const stop = new AbortController();
  const changes: boolean[] = [];
  let asked = 0;
  const ask = async () => {
    asked += 1;
    if (asked === 2) stop.abort();
    throw new Error('away');
  };
  await watchPostgres({ ask, url, logger, onChange: (now) => changes.push(now) }, stop.signal);
  expect(changes).toEqual([]);
});

test('the first answer is a change', async () => {
  const stop = new AbortController();
  const changes: boolean[] = [];
  const onChange = (now: boolean) => {
    changes.push(now);
    stop.abort();
  };
  await watchPostgres({ ask: async () => undefined, url, logger, onChange }, stop.signal);
  expect(changes).toEqual([true]);
});
