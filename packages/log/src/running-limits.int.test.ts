import { expect, test } from 'vitest';
import { openLog } from '../test/open-log.ts';
import { complete, start, startNew, submit, TENANT } from '../test/requests.ts';
import { sweepCounters } from './sweep-counters.ts';
import { verifyLog } from './verify.ts';

test('running tasks are limited by tenant and agent, and by their concurrency key one at a time', async () => {
  await using log = await openLog();
  const runningLimits = { perTenant: 3, perAgent: null };
  const ids = await Promise.all(
    Array.from(
      { length: 6 },
      async (_, n) => (await log.writer.write(submit({ concurrencyKey: n < 3 ? 'k' : null }))).taskId,
    ),
  );
  const begin = (taskId: string) =>
    log.writer.write({ ...start(taskId), runningLimits }).then(
      ({ state }) => state.status,
      (error: { code: string }) => error.code,
    );
  const keyed = await Promise.all(ids.slice(0, 3).map(begin));
  expect(keyed.toSorted()).toEqual(['LIMIT_REACHED', 'LIMIT_REACHED', 'running']);
  const others = await Promise.all(ids.slice(3).map(begin));
  expect(others.toSorted()).toEqual(['LIMIT_REACHED', 'running', 'running']);
  const first = ids[keyed.indexOf('running')] ?? '';
  await log.writer.write(complete(first, 1));
  const waiting = ids.slice(0, 3).filter((id) => id !== first);
  expect(await begin(waiting[0] ?? '')).toBe('running');
  expect(await begin(waiting[1] ?? '')).toBe('LIMIT_REACHED');
  expect(await log.sql(`SELECT key, value::int FROM counters ORDER BY key`)).toEqual([
    { key: `open/${TENANT}`, value: 5 },
    { key: `running/${TENANT}`, value: 3 },
    { key: `running/${TENANT}/agent/echo`, value: 3 },
    { key: `running/${TENANT}/key/k`, value: 1 },
  ]);
  expect((await verifyLog(log.pool)).problems).toEqual([]);
});

test('counters that are 0 are forgotten, and nothing else', async () => {
  await using log = await openLog();
  await log.writer.write(submit());
  const { taskId, fence } = await startNew(log.writer);
  await log.writer.write(complete(taskId, fence));
  await log.sql(`INSERT INTO counters SELECT 'running/${TENANT}/key/' || n, 0 FROM generate_series(1, 25) n`);
  await sweepCounters(log.pool, 10);
  expect(await log.sql(`SELECT key, value::int FROM counters`)).toEqual([{ key: `open/${TENANT}`, value: 1 }]);
  expect((await verifyLog(log.pool)).problems).toEqual([]);
});
