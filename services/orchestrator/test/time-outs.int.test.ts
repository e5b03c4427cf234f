import { createWorker, defineAgent, type Agent, type Worker } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

// The grace after the start is one lease: then the orchestrator ends what is overdue.
const PACE = { leaseMs: 1_500, leaseMinMs: 1_000, heartbeatMs: 500, lookMs: 100, timeoutGraceMs: 500 };
let bench: Bench;
beforeAll(async () => {
  bench = await startOrchestrator({}, { pace: PACE });
});
afterAll(() => bench[Symbol.asyncDispose]());

async function join(name: string, run: Agent['run'], own: Partial<Agent> = {}): Promise<Worker> {
  const agent = defineAgent({
    name,
    version: '1',
    input: z.unknown(),
    retry: { baseMs: 10, capMs: 20, maxAttempts: 2 },
    leaseMs: 4_000,
    run,
    ...own,
  });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [agent], slots: 1 });
  await worker.ready;
  return worker;
}

const aborted = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));

describe.concurrent('an attempt that takes longer than its time-out', () => {
  test('has its signal aborted, fails with ATTEMPT_TIMEOUT, and is tried again', async () => {
    const seen: string[] = [];
    const worker = await join(
      'slow',
      async (ctx) => {
        ctx.signal.addEventListener('abort', () => seen.push((ctx.signal.reason as { code: string }).code));
        return ctx.task.attempt === 1 ? aborted(ctx.signal) : 'in time';
      },
      { timeoutMs: 500 },
    );
    const { id } = await bench.accept({ agent: 'slow' });
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 2, outputJson: '"in time"' });
    expect(seen).toEqual(['ATTEMPT_TIMEOUT']);
    await worker.close();
  });

  test('each time fails the task with that cause', async () => {
    const worker = await join('slower', (ctx) => aborted(ctx.signal), { timeoutMs: 200 });
    const { id } = await bench.accept({ agent: 'slower' });
    const error = { code: 'ATTEMPT_TIMEOUT', message: 'the attempt took over 200 ms' };
    expect(await bench.finished(id)).toMatchObject({ status: 'failed', attempt: 2, failures: 2, error });
    await worker.close();
  });

  test('and does not listen is ended without it; its slot is free when it has stopped, and not before', async () => {
    const end = Promise.withResolvers<string>();
    const worker = await join('deaf', () => end.promise, { timeoutMs: 300, retry: { maxAttempts: 1 } });
    const { id } = await bench.accept({ agent: 'deaf' });
    const error = { code: 'ATTEMPT_TIMEOUT', message: 'the attempt took over 300 ms, and its worker did not end it' };
    expect(await bench.finished(id)).toMatchObject({ status: 'failed', attempt: 1, error });
    expect(await bench.freeSlots('deaf')).toBe(0);
    end.resolve('late');
    await eventually(async () => expect(await bench.freeSlots('deaf')).toBe(1));
    expect(await bench.get(id)).toMatchObject({ status: 'failed', error });
    await worker.close();
  });

  test('is let live when it ends within the grace with a result', async () => {
    const worker = await join('late', async (ctx) => aborted(ctx.signal).catch(() => 'late, and here'), {
      timeoutMs: 200,
    });
    const { id } = await bench.accept({ agent: 'late' });
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 1, outputJson: '"late, and here"' });
    await worker.close();
  });
});

describe.concurrent('a step that takes longer than its time-out', () => {
  test('has its signal aborted, and its attempt fails with STEP_TIMEOUT', async () => {
    let stepAborted = false;
    const worker = await join('steps', async (ctx) => {
      const slow = (signal: AbortSignal) => {
        signal.addEventListener('abort', () => (stepAborted = true));
        return new Promise<string>(() => undefined);
      };
      const text = await ctx.step('write', async ({ signal }) => (ctx.task.attempt === 1 ? slow(signal) : 'written'), {
        timeoutMs: 200,
      });
      return { text, attemptAborted: ctx.signal.aborted };
    });
    const { id } = await bench.accept({ agent: 'steps' });
    const done = await bench.finished(id);
    expect(done).toMatchObject({ status: 'completed', attempt: 2, failures: 1 });
    expect(JSON.parse(done.outputJson)).toEqual({ text: 'written', attemptAborted: false });
    expect(stepAborted).toBe(true);
    await worker.close();
  });

  test('is followed by no other step in this attempt, whatever the agent catches', async () => {
    const ran: string[] = [];
    const worker = await join('catcher', async (ctx) => {
      await ctx.step('slow', () => new Promise(() => undefined), { timeoutMs: 100 }).catch(() => undefined);
      return ctx.step('next', async () => ran.push('next'));
    });
    const { id } = await bench.accept({ agent: 'catcher' });
    const error = { code: 'STEP_TIMEOUT', message: 'the step "slow" took over 100 ms' };
    expect(await bench.finished(id)).toMatchObject({ status: 'failed', failures: 2, error });
    expect(ran).toEqual([]);
    await worker.close();
  });
});

test('an attempt is also ended at its time-out when the orchestrator that gave it was restarted meanwhile', async () => {
  const end = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const run = () => {
    begun.resolve();
    return end.promise;
  };
  const worker = await join('outlived', run, { timeoutMs: 500, retry: { maxAttempts: 1 } });
  const { id } = await bench.accept({ agent: 'outlived' });
  await begun.promise;
  await bench.restart();
  expect(await bench.finished(id)).toMatchObject({ status: 'failed', failures: 1, error: { code: 'ATTEMPT_TIMEOUT' } });
  end.resolve('late');
  await worker.close();
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
});

test.each([0, 99, 1.5, Number.NaN, 8 * 24 * 3_600_000])(
  'a time-out of %d ms is refused where the agent is defined',
  (timeoutMs) => {
    const define = () => defineAgent({ name: 'a', version: '1', input: z.unknown(), timeoutMs, run: async () => null });
    expect(define).toThrow('timeoutMs is 100 to 604800000');
  },
);
