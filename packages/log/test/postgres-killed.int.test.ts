import { openTestbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { expect, test } from 'vitest';
import { AppError } from '@morningai/core/errors';
import { LOG_MIGRATIONS, migrate } from '../src/migrate.ts';
import { verifyLog } from '../src/verify.ts';
import type { WriteRequest } from '../src/write-request.ts';
import { openOn } from './open-log.ts';
import { complete, newId, start, submit } from './requests.ts';

const ROUNDS = 3;
const CLIENTS = 40;

/** Short, so that some are given up in mid-outage and their outcome stays unknown. */
const impatient = (request: WriteRequest) => ({ ...request, deadlineAt: performance.now() + 700 });

test(
  'kill -9 of Postgres under append load: nothing acknowledged is lost, and a retry resolves the unknown',
  { timeout: 180_000 },
  async () => {
    await using testbed = await openTestbed({ components: ['postgres'] });
    await migrate(testbed.postgres.url, [LOG_MIGRATIONS], new AbortController().signal);
    await using log = openOn(testbed.postgres.url);
    const acknowledged = new Set<string>();
    const unknown = new Set<string>();
    const load = new AbortController();

    // Each client takes one task after the other from submit to completion.
    const client = async () => {
      while (!load.signal.aborted) {
        const taskId = newId();
        try {
          await log.writer.write(impatient(submit({}, { taskId })));
          acknowledged.add(taskId);
          const claimed = await log.writer.write(impatient(start(taskId)));
          if (claimed.state.status !== 'running') throw new Error(`the task is ${claimed.state.status}`);
          await log.writer.write(impatient(complete(taskId, claimed.state.fence)));
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(['STORE_UNAVAILABLE', 'OVERLOADED']).toContain((error as AppError).code);
          if (!acknowledged.has(taskId)) unknown.add(taskId);
        }
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);

    for (let round = 0; round < ROUNDS; round += 1) {
      const before = acknowledged.size;
      await eventually(async () => expect(acknowledged.size).toBeGreaterThan(before + 200), { deadlineMs: 30_000 });
      await testbed.postgres.kill();
      const lost = unknown.size;
      await eventually(async () => expect(unknown.size).toBeGreaterThan(lost), { deadlineMs: 30_000 });
      await testbed.postgres.start();
    }
    const recovered = acknowledged.size;
    await eventually(async () => expect(acknowledged.size).toBeGreaterThan(recovered), { deadlineMs: 30_000 });
    load.abort();
    await Promise.all(clients);

    // Whatever was unknown is asked for again, by a process that remembers nothing, and there is one task each.
    const retrier = log.openWriter();
    const retried = await Promise.all([...unknown].map((taskId) => retrier.write(submit({}, { taskId }))));
    expect(retried.every(({ state }) => state.status !== 'none')).toBe(true);
    const stored = await log.sql<{ id: string; times: number }>(
      `SELECT substr(stream, 6) AS id, count(*)::int AS times FROM events WHERE type = 'TaskSubmitted' GROUP BY stream`,
    );
    const times = new Map(stored.map(({ id, times: count }) => [id, count]));
    const missing = [...acknowledged, ...unknown].filter((taskId) => times.get(taskId) !== 1);
    expect(missing).toEqual([]);
    expect(times.size).toBe(acknowledged.size + unknown.size);
    expect(await verifyLog(log.pool)).toMatchObject({ problems: [], recordedTwice: 0 });
  },
);
