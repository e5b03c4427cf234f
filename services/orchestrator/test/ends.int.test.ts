import { createWorker, defineAgent, NotRetryable, RetryAfter, type Agent, type Worker } from '@morningai/sdk';
import { asAppError } from '@morningai/core/errors';
import { eventually } from '@morningai/testbed/eventually';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

async function join(bench: Bench, run: Agent['run'], slots = 5): Promise<Worker> {
  const agent = defineAgent({
    name: 'echo',
    version: '1',
    input: z.unknown(),
    retry: { baseMs: 10, capMs: 20 },
    run,
  });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [agent], slots });
  await worker.ready;
  return worker;
}

/** Knows the agent and has gone: what is submitted stays queued. */
async function nobody(bench: Bench): Promise<void> {
  const worker = await join(bench, async () => null);
  await worker.close();
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing thrown',
    (error: unknown) => asAppError(error).code,
  );

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

const grace = (ms: number) => ({ seconds: 0n, nanos: ms * 1_000_000 });

describe.concurrent('a cancellation', () => {
  test('of a queued and of a scheduled task is its end at once', async () => {
    await using bench = await startOrchestrator();
    await nobody(bench);
    const [queued, later] = await Promise.all([
      bench.accept({}),
      bench.accept({ dueAt: new Date(Date.now() + 3_600_000) }),
    ]);
    for (const { id } of [queued, later]) {
      const error = { code: 'TASK_CANCELLED', message: 'not needed' };
      expect(await bench.cancel(id, { reason: 'not needed' })).toMatchObject({ status: 'cancelled', error });
      expect(await bench.eventTypes(id)).toEqual(['TaskSubmitted', 'TaskCancelled']);
      for (const seconds of [-1n, 3_601n]) {
        expect(await codeOf(bench.cancel(id, { grace: { seconds, nanos: 0 } }))).toBe('REQUEST_INVALID');
      }
      // A repeat is answered with the same task.
      expect((await bench.cancel(id)).status).toBe('cancelled');
    }
    expect(await bench.verify()).toMatchObject({ problems: [], ledger: { cancelled: 2, open: 0 } });
  });

  test('of a running one reaches the agent at once; what it throws then is the cancellation', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const reasons: unknown[] = [];
    const worker = await join(bench, async (ctx) => {
      begun.resolve();
      await untilAborted(ctx.signal);
      reasons.push(ctx.signal.reason);
      throw ctx.signal.reason;
    });
    const { id } = await bench.accept({});
    await begun.promise;
    expect((await bench.cancel(id, { reason: 'not needed' })).status).toBe('running');
    expect(await bench.finished(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(reasons).toEqual([expect.objectContaining({ code: 'TASK_CANCELLED', message: 'not needed' })]);
    expect((await bench.eventTypes(id)).slice(2)).toEqual(['TaskCancelRequested', 'AttemptFailed', 'TaskCancelled']);
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });

  test('loses to a completion that comes within the grace', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const worker = await join(bench, async (ctx) => {
      begun.resolve();
      await untilAborted(ctx.signal);
      return 'done after all';
    });
    const { id } = await bench.accept({});
    await begun.promise;
    await bench.cancel(id);
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', outputJson: '"done after all"' });
    expect(await codeOf(bench.cancel(id))).toBe('TASK_FINISHED');
    await worker.close();
  });

  test('cuts an agent that does not listen when the grace is over, and its late result counts for nothing', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const worker = await join(bench, async () => {
      begun.resolve();
      await go.promise;
      return 'too late';
    });
    const { id } = await bench.accept({});
    await begun.promise;
    await bench.cancel(id, { grace: grace(100) });
    expect(await bench.finished(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
    go.resolve();
    await worker.close();
    expect(await bench.get(id)).toMatchObject({ status: 'cancelled', outputJson: '' });
    expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  });

  test('reaches a worker of another orchestrator with its next heartbeat', async () => {
    await using bench = await startOrchestrator();
    await using second = await bench.beside();
    const begun = Promise.withResolvers<void>();
    const worker = await join(bench, async (ctx) => {
      begun.resolve();
      await untilAborted(ctx.signal);
      throw ctx.signal.reason;
    });
    const { id } = await bench.accept({});
    await begun.promise;
    await second.cancel(id, { reason: 'from elsewhere', grace: { seconds: 60n, nanos: 0 } });
    // Long before the grace is over.
    expect(await bench.finished(id)).toMatchObject({ status: 'cancelled', error: { message: 'from elsewhere' } });
    await worker.close();
  });
});

describe.concurrent('a retry', () => {
  test('of a failed task is a new life: its recorded steps are not run again', async () => {
    await using bench = await startOrchestrator();
    let runs = 0;
    let mended = false;
    const worker = await join(bench, async (ctx) => {
      const paid = await ctx.step('pay', async () => (runs += 1));
      if (!mended) throw new NotRetryable('BROKEN', 'not yet mended');
      return paid;
    });
    const { id } = await bench.accept({});
    expect(await bench.finished(id)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'BROKEN' } });
    mended = true;
    expect(await bench.retry(id, 1)).toMatchObject({ life: 2, failures: 0, error: undefined, finishedAt: undefined });
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 2, life: 2, outputJson: '1' });
    expect(runs).toBe(1);
    // A repeat of the same retry finds it done; another one is refused.
    expect((await bench.retry(id, 1)).status).toBe('completed');
    expect(await codeOf(bench.retry(id))).toBe('TASK_NOT_FAILED');
    await worker.close();
    expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  });

  test('comes when the agent says so, and not by the backoff', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(bench, async (ctx) => {
      if (ctx.task.attempt === 1) throw new RetryAfter(3_600_000, 'RATE_LIMITED', 'later');
      return null;
    });
    const { id } = await bench.accept({});
    const waiting = await eventually(async () => {
      const task = await bench.get(id);
      expect(task).toMatchObject({ status: 'scheduled', failures: 1 });
      return task;
    });
    expect(waiting.dueAt?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    await worker.close();
  });
});

describe.concurrent('the expiry of a task', () => {
  test('ends what no attempt has begun, and what failed after it', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const soon = () => new Date(Date.now() + 5_000);
    const worker = await join(
      bench,
      async (_, input) => {
        if (input !== 'hold') return null;
        begun.resolve();
        await go.promise;
        throw new Error('it failed after its time');
      },
      1,
    );
    const held = await bench.accept({ inputJson: '"hold"', expiresAt: soon() });
    await begun.promise;
    const waiting = await bench.accept({ expiresAt: soon() });
    expect(waiting.expiresAt).toBeInstanceOf(Date);
    const error = { code: 'TASK_EXPIRED' };
    expect(await bench.finished(waiting.id)).toMatchObject({ status: 'failed', attempt: 0, error });
    expect((await bench.get(held.id)).status).toBe('running');
    go.resolve();
    expect(await bench.finished(held.id)).toMatchObject({ status: 'failed', attempt: 1, failures: 1, error });
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });
});

describe.concurrent('many at once', () => {
  const label = (name: string) => ({ filter: { label: name } });

  test('are cancelled by a filter, and a dry run says which without changing anything', async () => {
    await using bench = await startOrchestrator();
    await nobody(bench);
    const spec = (name: string) => ({ labels: { batch: name }, dueAt: new Date(Date.now() + 3_600_000) });
    const tasks = await Promise.all(Array.from({ length: 1_200 }, () => bench.accept(spec('a'))));
    const other = await bench.accept(spec('b'));
    const before = await bench.verify();
    const dry = await bench.cancelTasks({ ...label('batch:a'), dryRun: true });
    expect([dry.matched, dry.done, dry.left, dry.ids.length]).toEqual([1_200n, 0n, 0n, 1_000]);
    expect((await bench.verify()).head).toBe(before.head);
    const done = await bench.cancelTasks({ ...label('batch:a'), reason: 'all of them' });
    expect([done.matched, done.done, done.left]).toEqual([1_200n, 1_200n, 0n]);
    expect(tasks.map(({ id }) => id)).toEqual(expect.arrayContaining(done.ids));
    expect((await bench.get(other.id)).status).toBe('scheduled');
    expect(await codeOf(bench.cancelTasks(label('batch:a')))).toBe('NOTHING_MATCHED');
    expect(await bench.verify()).toMatchObject({ problems: [], ledger: { cancelled: 1_200, open: 1 } });
  });

  test('that failed are retried by a filter, by their error too', async () => {
    await using bench = await startOrchestrator();
    let mended = false;
    const worker = await join(bench, async (_, input) => {
      if (!mended) throw new NotRetryable(String(input), 'broken');
      return null;
    });
    const codes = ['A', 'B', 'A'];
    const tasks = await Promise.all(codes.map((code) => bench.accept({ inputJson: JSON.stringify(code) })));
    for (const { id } of tasks) expect((await bench.finished(id)).status).toBe('failed');
    const filter = { errorCode: 'A' };
    const dry = await bench.retryFailed({ filter, dryRun: true });
    expect(dry).toMatchObject({ matched: 2n, done: 0n });
    mended = true;
    expect(await bench.retryFailed({ filter })).toMatchObject({ matched: 2n, done: 2n, left: 0n });
    for (const id of dry.ids) expect(await bench.finished(id)).toMatchObject({ status: 'completed', life: 2 });
    const rest = tasks.find(({ id }) => !dry.ids.includes(id));
    expect(await bench.get(rest?.id ?? '')).toMatchObject({ status: 'failed', life: 1 });
    await worker.close();
    expect(await bench.verify()).toMatchObject({ problems: [], ledger: { completed: 2, failed: 1 } });
  });

  test('are done until something hinders, and the answer says how many are left', async () => {
    await using bench = await startOrchestrator({ MAX_OPEN_TASKS: '2' });
    const worker = await join(bench, async () => {
      throw new NotRetryable('BROKEN', 'not yet mended');
    });
    for (let task = 0; task < 3; task += 1) await bench.finished((await bench.accept({})).id);
    await worker.close();
    const filter = { all: true };
    expect(await bench.retryFailed({ filter })).toMatchObject({ matched: 3n, done: 2n, left: 1n });
    expect(await codeOf(bench.retryFailed({ filter }))).toBe('LIMIT_REACHED');
    expect(await bench.cancelTasks({ filter })).toMatchObject({ done: 2n, left: 0n });
    expect(await bench.retryFailed({ filter })).toMatchObject({ matched: 1n, done: 1n, left: 0n });
    expect((await bench.verify()).problems).toEqual([]);
  });

  test.each([
    ['an empty filter', {}, 'REQUEST_INVALID'],
    ['a status that has ended', { status: 'completed' }, 'REQUEST_INVALID'],
    ['an id that is none', { ids: ['x'] }, 'REQUEST_INVALID'],
    ['a filter that matches nothing', { agent: 'none' }, 'NOTHING_MATCHED'],
    ['all, when there is none', { all: true }, 'NOTHING_MATCHED'],
  ])('are refused for %s', async (_, filter, code) => {
    await using bench = await startOrchestrator();
    await nobody(bench);
    expect(await codeOf(bench.cancelTasks({ filter }))).toBe(code);
    expect(await codeOf(bench.retryFailed({ filter }))).toBe(code);
  });
});
