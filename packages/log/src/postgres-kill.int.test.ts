/** On a cluster of its own: it is killed. */
import { type Testbed, openTestbed } from '@morningai/testbed';
import { createDatabase } from '@morningai/testbed/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openOn } from '../test/open-log.ts';
import { complete, runOne, start, submit } from '../test/requests.ts';
import { LOG_MIGRATIONS, migrate } from './migrate.ts';
import { readEvents } from './read.ts';
import type { TaskWriter, WriteRequest, Written } from './task-writer.ts';
import { verifyLog } from './verify.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await openTestbed({ components: ['postgres'] });
});
afterAll(() => testbed.close());

test('the first migration of a cluster can be done by an owner who is no superuser', async () => {
  await using admin = openOn(testbed.postgres.url);
  await admin.sql('CREATE ROLE landlord LOGIN CREATEROLE');
  const url = new URL(await createDatabase(testbed.postgres.url, 'first'));
  await admin.sql('ALTER DATABASE first OWNER TO landlord');
  url.username = 'landlord';
  await migrate(url.href, [LOG_MIGRATIONS], new AbortController().signal);
  await using log = openOn(url.href);
  await runOne(log.writer);
  expect((await verifyLog(log.pool)).problems).toEqual([]);
});

const ROUNDS = 4;
const LANES = 24;

test('kill -9 of Postgres under load loses nothing acknowledged, doubles nothing, and what is unknown is resolved', async () => {
  const url = await createDatabase(testbed.postgres.url, 'killed');
  await migrate(url, [LOG_MIGRATIONS], new AbortController().signal);
  await using log = openOn(url);
  const writers = [log.writer, log.openWriter()];
  const acknowledged: Written[] = [];
  let retries = 0;
  const stop = new AbortController();

  /** With a deadline far shorter than an outage; whoever is told "unknown" asks again, a new writer as well as the old one. */
  const write = async (writer: TaskWriter, make: () => WriteRequest): Promise<Written> => {
    const request = make();
    for (let attempt = 0; ; attempt += 1) {
      try {
        const by = attempt % 2 === 0 ? writer : (writers[(writers.indexOf(writer) + 1) % writers.length] as TaskWriter);
        const written = await by.write({ ...request, deadlineAt: performance.now() + 250 });
        acknowledged.push(written);
        return written;
      } catch (error) {
        const { code } = error as { code: string };
        if (code !== 'STORE_UNAVAILABLE' && code !== 'OVERLOADED') throw error;
        retries += 1;
      }
    }
  };
  const lane = async (writer: TaskWriter) => {
    while (!stop.signal.aborted) {
      const { taskId } = await write(writer, () =>
        submit({ idempotencyKey: `key of ${String(acknowledged.length)} ${Math.random()}` }),
      );
      const started = await write(writer, () => start(taskId));
      if (started.state.status !== 'running') throw new Error(`started, and ${started.state.status}`);
      const { fence } = started.state;
      expect((await write(writer, () => complete(taskId, fence, taskId))).state.status).toBe('completed');
    }
  };
  const load = Array.from({ length: LANES }, (_, index) => lane(writers[index % 2] as TaskWriter));
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = acknowledged.length;
    await expect
      .poll(() => acknowledged.length, { timeout: 30_000, interval: 5 })
      .toBeGreaterThan(before + 200 + 37 * round);
    await testbed.postgres.kill();
    await testbed.postgres.start();
  }
  const before = acknowledged.length;
  await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(before + 200);
  stop.abort();
  await Promise.all(load);

  expect(retries, 'the kills were felt').toBeGreaterThan(0);
  const events = [];
  for (let after = 0; ;) {
    const page = await readEvents(log.pool, after, 1_000);
    events.push(...page);
    after = page.at(-1)?.position ?? after;
    if (page.length === 0) break;
  }
  const inLog = new Map(Map.groupBy(events, ({ stream }) => stream.slice('task/'.length)));
  for (const { taskId, version, state } of acknowledged) {
    const types = inLog.get(taskId)?.map(({ type }) => type) ?? [];
    expect(types).toEqual(['TaskSubmitted', 'AttemptStarted', 'TaskCompleted']);
    expect(version).toBeLessThanOrEqual(types.length);
    expect(state.status).not.toBe('none');
  }
  const { problems, ledger, recordedTwice } = await verifyLog(log.pool);
  expect(problems).toEqual([]);
  expect(recordedTwice).toBe(0);
  expect(ledger).toMatchObject({ accepted: inLog.size, completed: inLog.size, open: 0 });
}, 180_000);
