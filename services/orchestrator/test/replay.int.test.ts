import { openPool } from '@morningai/log/pool';
import { bearer, callStream, callUnary, openClient } from '@morningai/rpc/client';
import { SystemServiceClient, type ReplayReport } from '@morningai/rpc/system';
import { TaskServiceClient, type WhyTaskRequest, type WhyTaskResponse } from '@morningai/rpc/tasks';
import { createWorker, defineAgent, type Agent, type Worker } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { v7 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

const CALL = { metadata: bearer(API_KEY), deadlineMs: 60_000 };

async function replay(bench: Bench, dryRun = false): Promise<ReplayReport> {
  const client = openClient(SystemServiceClient, bench.address);
  try {
    for await (const { step } of callStream((...args) => client.replay(...args), { dryRun }, CALL)) {
      if (step?.$case === 'report') return step.value;
    }
    throw new Error('no report came');
  } finally {
    client.close();
  }
}

async function why(bench: Bench, id: string): Promise<Omit<WhyTaskResponse, 'detailsJson'> & { details: unknown }> {
  const client = openClient(TaskServiceClient, bench.address);
  try {
    const { detailsJson, ...answer } = await callUnary<WhyTaskRequest, WhyTaskResponse>(
      (...args) => client.whyTask(...args),
      { tenant: 'default', id },
      CALL,
    );
    return { ...answer, details: JSON.parse(detailsJson) as unknown };
  } finally {
    client.close();
  }
}

/** As the superuser: the application may not. */
async function sql(bench: Bench, text: string): Promise<Record<string, unknown>[]> {
  const pool = openPool({ url: bench.databaseUrl, name: 'superuser', maxConnections: 1, role: null });
  try {
    return await pool.query<Record<string, unknown>>({ name: '', sql: text }, []);
  } finally {
    await pool.close();
  }
}

async function join(bench: Pick<Bench, 'address'>, run: Agent['run'], slots = 10, name = 'echo'): Promise<Worker> {
  const agent = defineAgent({ name, version: '1', input: z.unknown(), retry: { baseMs: 10, capMs: 20 }, run });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [agent], slots });
  await worker.ready;
  return worker;
}

const tableOf = (report: ReplayReport, name: string) => report.tables.find((table) => table.name === name);

describe.concurrent('replay', () => {
  test('brings back what was deleted under load: the ledger is equal, and nothing ran twice', async () => {
    await using bench = await startOrchestrator();
    const runs = new Map<string, number>();
    const worker = await join(bench, async (ctx, input) => {
      runs.set(ctx.task.id, (runs.get(ctx.task.id) ?? 0) + 1);
      await ctx.step('look', async () => 'seen');
      return input;
    });
    const accepted: string[] = [];
    const stop = new AbortController();
    const load = Array.from({ length: 8 }, async () => {
      while (!stop.signal.aborted) accepted.push((await bench.accept({ inputJson: `"${accepted.length}"` })).id);
    });
    for (let round = 1; round <= 3; round += 1) {
      await eventually(async () => expect(accepted.length).toBeGreaterThan(round * 150), { deadlineMs: 30_000 });
      await sql(bench, 'DELETE FROM tasks');
      const report = await replay(bench);
      expect(report.dryRun).toBe(false);
      expect(Number(tableOf(report, 'tasks')?.missing)).toBeGreaterThan(0);
    }
    await sql(bench, 'DELETE FROM tasks');
    stop.abort();
    await Promise.all(load);
    // What was queued when its row went has no way to a worker until the log is replayed.
    await replay(bench);
    for (const id of accepted) expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await worker.close();
    expect(await bench.verify()).toMatchObject({
      problems: [],
      recordedTwice: 0,
      ledger: { accepted: accepted.length, completed: accepted.length, open: 0 },
    });
    expect([...runs.values()].filter((times) => times !== 1)).toEqual([]);
    expect(runs.size).toBe(accepted.length);
  });

  test('is not needed for what workers hold: their claims live on and their outcomes are recorded', async () => {
    await using bench = await startOrchestrator();
    const end = Promise.withResolvers<void>();
    const worker = await join(bench, async (ctx) => {
      await end.promise;
      expect(ctx.signal.aborted).toBe(false);
      return 'done';
    });
    const tasks = await Promise.all(Array.from({ length: 5 }, () => bench.accept({})));
    for (const { id } of tasks) {
      await eventually(async () => expect((await bench.get(id)).status).toBe('running'), { deadlineMs: 10_000 });
    }
    await sql(bench, 'DELETE FROM tasks');
    // Heartbeats find them gone and bring them back.
    await eventually(async () => expect(await sql(bench, 'SELECT FROM tasks')).toHaveLength(5), { deadlineMs: 10_000 });
    await sql(bench, 'DELETE FROM tasks');
    end.resolve();
    for (const { id } of tasks) expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await worker.close();
    expect(await bench.verify()).toMatchObject({ problems: [], ledger: { completed: 5 } });
  });

  test('a worker that comes back while the rows are gone keeps its claims', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const worker = await join(bench, async () => {
      begun.resolve();
      await end.promise;
      return 'kept';
    });
    const { id } = await bench.accept({});
    await begun.promise;
    await sql(bench, 'DELETE FROM tasks');
    await bench.restart();
    end.resolve();
    await bench.finished(id);
    expect(await bench.eventTypes(id)).toEqual(['TaskSubmitted', 'AttemptStarted', 'TaskCompleted']);
    expect(await bench.get(id)).toMatchObject({ status: 'completed', attempt: 1, outputJson: '"kept"' });
    await worker.close();
  });

  test('of a sound log finds nothing; a dry run changes nothing', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(bench, async () => null);
    const { id } = await bench.accept({});
    await bench.finished(id);
    expect((await replay(bench)).tables.every((row) => row.missing + row.extra + row.different === 0n)).toBe(true);
    await sql(bench, 'UPDATE tasks SET priority = 3');
    await sql(bench, 'UPDATE counters SET value = 7');
    const dry = await replay(bench, true);
    expect(tableOf(dry, 'tasks')).toMatchObject({ different: 1n });
    expect((await bench.verify()).problems).not.toEqual([]);
    await replay(bench);
    expect((await bench.verify()).problems).toEqual([]);
    await worker.close();
  });
});

describe.concurrent('limits of running tasks', () => {
  test('hold tasks of one concurrency key to one at a time, and others go on', async () => {
    await using bench = await startOrchestrator();
    let running = 0;
    let most = 0;
    const worker = await join(bench, async (_, input) => {
      if (input !== 'keyed') return null;
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return null;
    });
    const keyed = await Promise.all(
      Array.from({ length: 5 }, () => bench.accept({ concurrencyKey: 'k', inputJson: '"keyed"' })),
    );
    const free = await Promise.all(Array.from({ length: 20 }, () => bench.accept({})));
    for (const { id } of [...free, ...keyed]) expect((await bench.finished(id)).status).toBe('completed');
    expect(most).toBe(1);
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });

  test('hold a tenant to its number', async () => {
    await using bench = await startOrchestrator({ MAX_RUNNING_PER_TENANT: '2' });
    const end = Promise.withResolvers<void>();
    const worker = await join(bench, () => end.promise);
    const tasks = await Promise.all(Array.from({ length: 5 }, () => bench.accept({})));
    const statuses = async () => (await Promise.all(tasks.map(({ id }) => bench.get(id)))).map(({ status }) => status);
    await eventually(async () => expect((await statuses()).toSorted().slice(3)).toEqual(['running', 'running']), {
      deadlineMs: 10_000,
    });
    const waiting = tasks[(await statuses()).indexOf('queued')];
    expect(await why(bench, waiting?.id ?? '')).toMatchObject({
      reason: 'LIMIT_REACHED',
      text: '2 of 2 are running: running/default',
      details: { key: 'running/default', value: 2, max: 2 },
    });
    end.resolve();
    for (const { id } of tasks) expect((await bench.finished(id)).status).toBe('completed');
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });
});

describe.concurrent('why', () => {
  test('names what a task waits for, from accepted to finished', async () => {
    await using bench = await startOrchestrator();
    const end = Promise.withResolvers<void>();
    const first = await join(
      bench,
      async (ctx, input) => {
        if (input === 'fail' && ctx.task.attempt === 1) throw new Error('not yet');
        return end.promise;
      },
      1,
    );
    const later = await bench.accept({ dueAt: new Date(Date.now() + 3_600_000) });
    expect(await why(bench, later.id)).toMatchObject({
      status: 'scheduled',
      reason: 'DUE_LATER',
      since: later.createdAt,
    });
    const running = await bench.accept({});
    await eventually(async () => expect(await why(bench, running.id)).toMatchObject({ reason: 'RUNNING', lane: '' }), {
      deadlineMs: 10_000,
    });
    expect(await why(bench, running.id)).toMatchObject({ details: { fence: 1, isConnected: true } });
    const behind = [await bench.accept({}), await bench.accept({})];
    expect(await why(bench, behind[1]?.id ?? '')).toMatchObject({
      status: 'queued',
      reason: 'NO_FREE_SLOT',
      details: { slots: 1, ahead: 1 },
    });
    end.resolve();
    await first.close(0);
    await eventually(async () => expect((await why(bench, behind[1]?.id ?? '')).reason).toBe('NO_WORKER'), {
      deadlineMs: 10_000,
    });
    const second = await join(bench, async () => null);
    await bench.finished(behind[1]?.id ?? '');
    expect(await why(bench, behind[1]?.id ?? '')).toMatchObject({ status: 'completed', reason: 'FINISHED' });
    await second.close();
  });

  test('of a task whose worker is at another orchestrator says that there is one', async () => {
    await using bench = await startOrchestrator();
    await using other = await bench.beside();
    const end = Promise.withResolvers<null>();
    const worker = await join(other, () => end.promise, 1);
    const [running, waiting] = [await bench.accept({}), await bench.accept({})];
    const ask = async () => [await why(bench, running.id), await why(bench, waiting.id)];
    const found = [
      { reason: 'RUNNING', details: { isConnected: false } },
      { reason: 'DUE_NOW', details: { slotsElsewhere: 1 } },
    ];
    await eventually(async () => expect(await ask()).toMatchObject(found), { deadlineMs: 10_000 });
    end.resolve(null);
    await worker.close();
  });

  test('of a task that nobody submitted is refused', async () => {
    await using bench = await startOrchestrator();
    await expect(why(bench, v7())).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });
});
