/** A log with something of everything, to be copied and spoiled. */
import { openTasksKey } from '@morningai/core/task-projection';
import { openTestDatabase } from '@morningai/testbed/database';
import { inject } from 'vitest';
import { append } from '../src/append.ts';
import { LOG_MIGRATIONS, migrate } from '../src/migrate.ts';
import { noted } from './appends.ts';
import { digestOf, openOn, type TestLog } from './open-log.ts';
import { complete, expire, fail, release, runOne, start, startNew, step, submit, TENANT } from './requests.ts';

/** Accepted 11, completed 4, failed 2, open 5 (one of them of another tenant). */
export async function openHistory(): Promise<TestLog> {
  const database = await openTestDatabase({
    adminUrl: inject('postgresUrl'),
    template: { name: `history_${digestOf(LOG_MIGRATIONS.folder)}`, prepare: write },
  });
  const opened = openOn(database.url);
  return {
    ...opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function write(url: string): Promise<void> {
  await migrate(url, [LOG_MIGRATIONS], new AbortController().signal);
  await using log = openOn(url);
  const { writer } = log;
  const limits = [{ key: openTasksKey(TENANT), max: 100 }];
  for (let n = 0; n < 3; n += 1) await runOne(writer, { n });
  await writer.write(submit({ idempotencyKey: 'a key', labels: { team: 'red', site: 'x' }, priority: 0 }, { limits }));
  await writer.write(submit({ dueInMs: 3_600_000 }, { tenant: 'other' }));
  const stepped = await startNew(writer);
  await Promise.all([0, 1, 2].map((index) => writer.write(step(stepped.taskId, stepped.fence, index))));
  const failing = await startNew(writer);
  await writer.write(fail(failing.taskId, 1, 1_234));
  const failed = await startNew(writer);
  await writer.write(fail(failed.taskId, 1, null));
  const released = await startNew(writer);
  await writer.write(release(released.taskId, 1));
  await writer.write(start(released.taskId));
  const lost = (await writer.write(submit({ maxCrashes: 1 }))).taskId;
  await writer.write(start(lost, { leaseMs: 0 }));
  await writer.write(expire(lost, 1));
  await append(log.pool, [noted('dispatch', 0), noted('check/a', 0), noted('check/b', 0)]);
  await append(log.pool, [noted('dispatch', 1)]);
  // The last one: whoever cuts off the tail cuts this.
  const { taskId } = await startNew(writer);
  await writer.write(complete(taskId, 1, 'last'));
}
