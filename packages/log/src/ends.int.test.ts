import { openTasksKey } from '@morningai/core/task-projection';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog, type TestLog } from '../test/open-log.ts';
import {
  cancel,
  codeOf,
  complete,
  cutCancelled,
  expire,
  expireTask,
  fail,
  newId,
  retry,
  start,
  startNew,
  step,
  submit,
  TENANT,
} from '../test/requests.ts';
import { cancelledAttempts, expiredTasks } from './ends.ts';
import { renewLeases } from './leases.ts';
import { replayLog } from './replay.ts';
import { verifyLog } from './verify.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(async () => {
  // Whatever these tests have done, the rows are the fold of the log.
  expect(await verifyLog(log.pool)).toMatchObject({ problems: [], recordedTwice: 0 });
  await log[Symbol.asyncDispose]();
});

const MINUTE = 60_000;

type Row = { status: string; expires_at: Date | null; finished_at: Date | null; started_at: Date | null; life: number };

async function row(taskId: string): Promise<Row | undefined> {
  const sql = `SELECT status, expires_at, finished_at, started_at, (state ->> 'life')::int AS life FROM tasks WHERE id = $1`;
  return (await log.sql<Row>(sql, [taskId]))[0];
}

async function isCutDue(taskId: string): Promise<boolean> {
  const found = await cancelledAttempts(log.pool, { agents: ['echo'], limit: 100 });
  return found.some((attempt) => attempt.taskId === taskId);
}

/** A task that has failed for good. */
async function failedTask(): Promise<string> {
  const { taskId } = await startNew(log.writer);
  await log.writer.write(fail(taskId, 1, null));
  return taskId;
}

describe('a cancellation', () => {
  test('of a queued task is its end, and no claim comes after it', async () => {
    const { taskId } = await log.writer.write(submit());
    expect((await log.writer.write(cancel(taskId))).state.status).toBe('cancelled');
    expect((await log.writer.write(start(taskId))).events).toEqual([]);
    expect((await log.writer.write(cancel(taskId))).events).toEqual([]);
  });

  test('of a running attempt is found and cut once its grace is over, though its lease holds', async () => {
    const { taskId } = await startNew(log.writer);
    await log.writer.write(cancel(taskId, { graceMs: MINUTE }));
    expect(await isCutDue(taskId)).toBe(false);
    expect(await log.writer.write(cutCancelled(taskId, 1))).toMatchObject({ heldBack: 'early', events: [] });
    expect(await renewLeases(log.pool, [{ taskId, fence: 1, leaseMs: MINUTE }])).toEqual([
      { taskId, fence: 1, cancel: { reason: 'not needed', graceMs: expect.any(Number) } },
    ]);
    const short = await startNew(log.writer);
    await renewLeases(log.pool, [{ ...short, leaseMs: MINUTE }]);
    await log.writer.write(cancel(short.taskId, { graceMs: 0 }));
    expect(await isCutDue(short.taskId)).toBe(true);
    expect((await log.writer.write(cutCancelled(short.taskId, 1))).state).toMatchObject({ status: 'cancelled' });
    expect(await codeOf(log.writer.write(complete(short.taskId, 1)))).toBe('FENCED');
    expect(await isCutDue(short.taskId)).toBe(false);
  });

  test('loses to a completion that comes before the cut, whatever the grace', async () => {
    const { taskId } = await startNew(log.writer);
    await log.writer.write(cancel(taskId, { graceMs: 0 }));
    await log.writer.write(complete(taskId, 1));
    expect((await log.writer.write(cutCancelled(taskId, 1))).events).toEqual([]);
    expect(await row(taskId)).toMatchObject({ status: 'completed' });
    expect(await codeOf(log.writer.write(cancel(taskId)))).toBe('TASK_FINISHED');
  });

  test('and a completion at the same moment are one outcome', async () => {
    const tasks = await Promise.all(Array.from({ length: 20 }, () => startNew(log.writer)));
    await Promise.all(tasks.map(({ taskId }) => log.writer.write(cancel(taskId, { graceMs: 0 }))));
    const other = log.openWriter();
    await Promise.allSettled(
      tasks.flatMap(({ taskId }) => [log.writer.write(complete(taskId, 1)), other.write(cutCancelled(taskId, 1))]),
    );
    for (const { taskId } of tasks) expect(['completed', 'cancelled']).toContain((await row(taskId))?.status);
  });

  test('is its end when the worker vanishes within the grace', async () => {
    const { taskId } = await startNew(log.writer, { leaseMs: 0 });
    await log.writer.write(cancel(taskId, { graceMs: 0 }));
    expect((await log.writer.write(expire(taskId, 1))).events.map(({ type }) => type)).toEqual([
      'AttemptExpired',
      'TaskCancelled',
    ]);
  });
});

describe('a retry', () => {
  test('opens the next life: open again, without outcome and expiry, its steps kept, and one outcome in it', async () => {
    const { taskId } = await log.writer.write(submit({ expiresInMs: MINUTE }));
    await log.writer.write(start(taskId));
    await log.writer.write(step(taskId, 1, 0));
    await log.writer.write(fail(taskId, 1, null));
    await log.writer.write(retry(taskId));
    expect(await row(taskId)).toMatchObject({ status: 'queued', expires_at: null, finished_at: null, life: 2 });
    expect((await row(taskId))?.started_at).not.toBeNull();
    expect((await log.writer.write(start(taskId))).state).toMatchObject({ status: 'running', fence: 2, steps: 1 });
    await log.writer.write(complete(taskId, 2));
    const outcomes = await log.sql('SELECT life FROM outcomes WHERE task_id = $1 ORDER BY life', [taskId]);
    expect(outcomes).toEqual([{ life: 1 }, { life: 2 }]);
  });

  test('asked for at once by many is one life', async () => {
    const taskId = await failedTask();
    const other = log.openWriter();
    const writers = [log.writer, other, log.writer, other];
    await Promise.all(writers.map((writer) => writer.write(retry(taskId, 1))));
    expect(await row(taskId)).toMatchObject({ status: 'queued', life: 2 });
    expect(await codeOf(log.writer.write(retry(taskId)))).toBe('TASK_NOT_FAILED');
  });

  test('in the same batch as the failure before it belongs to the next life', async () => {
    const { taskId } = await startNew(log.writer);
    await Promise.all([log.writer.write(fail(taskId, 1, null)), log.writer.write(retry(taskId))]);
    expect(await row(taskId)).toMatchObject({ status: 'queued', life: 2 });
    expect(await log.sql('SELECT life FROM outcomes WHERE task_id = $1', [taskId])).toEqual([{ life: 1 }]);
  });

  test('counts as an open task of its tenant, and is refused at the limit', async () => {
    const taskId = await failedTask();
    const open = await log.sql<{ value: string }>('SELECT value FROM counters WHERE key = $1', [openTasksKey(TENANT)]);
    const limits = [{ key: openTasksKey(TENANT), max: Number(open[0]?.value) }];
    expect(await codeOf(log.writer.write(retry(taskId, null, { limits })))).toBe('LIMIT_REACHED');
    expect(await row(taskId)).toMatchObject({ status: 'failed', life: 1 });
  });
});

describe('the expiry of a task', () => {
  const expired = async (taskId: string) =>
    expect.poll(() => expiredTasks(log.pool, 1_000), { timeout: 10_000 }).toContain(taskId);

  test('ends what has no attempt, and starts none, also one that was due', async () => {
    const { taskId } = await log.writer.write(submit({ expiresInMs: 1 }));
    await expired(taskId);
    expect(await log.writer.write(start(taskId))).toMatchObject({ heldBack: 'early', state: { status: 'queued' } });
    expect((await log.writer.write(expireTask(taskId))).state).toMatchObject({ error: { code: 'TASK_EXPIRED' } });
    expect(await expiredTasks(log.pool, 1_000)).not.toContain(taskId);
  });

  test('does not come before its time, nor to what does not expire', async () => {
    const later = await log.writer.write(submit({ expiresInMs: MINUTE }));
    const never = await log.writer.write(submit());
    for (const { taskId } of [later, never]) {
      expect((await log.writer.write(expireTask(taskId))).heldBack).toBe('early');
      expect((await log.writer.write(start(taskId))).state.status).toBe('running');
    }
  });

  test('lets a running attempt finish; one that fails is not tried again', async () => {
    const runs = async () => {
      const { taskId } = await log.writer.write(submit({ expiresInMs: 300 }));
      await log.writer.write(start(taskId));
      return taskId;
    };
    const [good, bad] = await Promise.all([runs(), runs()]);
    await expect
      .poll(() => log.sql('SELECT FROM tasks WHERE id = ANY ($1) AND expires_at > clock_timestamp()', [[good, bad]]))
      .toEqual([]);
    expect(await expiredTasks(log.pool, 1_000)).not.toContain(good);
    expect((await log.writer.write(complete(good, 1))).state.status).toBe('completed');
    await log.writer.write(fail(bad, 1, 0));
    expect((await log.writer.write(start(bad))).heldBack).toBe('early');
    expect((await log.writer.write(expireTask(bad))).state).toMatchObject({ status: 'failed', failures: 1 });
  });

  test('does not keep a cancellation from being cut', async () => {
    const { taskId } = await log.writer.write(submit({ expiresInMs: 300 }));
    await log.writer.write(start(taskId));
    await log.writer.write(cancel(taskId, { graceMs: 0 }));
    await expect
      .poll(() => log.sql('SELECT FROM tasks WHERE id = $1 AND expires_at > clock_timestamp()', [taskId]))
      .toEqual([]);
    expect((await log.writer.write(cutCancelled(taskId, 1))).state.status).toBe('cancelled');
  });

  test('of a task that nobody knows is nothing', async () => {
    expect((await log.writer.write(expireTask(newId()))).events).toEqual([]);
  });
});

test('a replay of the log gives back the rows of all these ends, with what expires when', async () => {
  const { taskId } = await log.writer.write(submit({ expiresInMs: MINUTE }));
  const rows = () => log.sql('SELECT * FROM tasks ORDER BY id');
  const before = await rows();
  expect((await row(taskId))?.expires_at).toBeInstanceOf(Date);
  await log.sql('DELETE FROM tasks; DELETE FROM outcomes');
  for await (const _ of replayLog(log.pool));
  expect(await rows()).toEqual(before);
});
