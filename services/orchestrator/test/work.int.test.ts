import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readStream } from '@morningai/log/read';
import { taskStream } from '@morningai/log/task-batch';
import { AgentError, createWorker, defineAgent, type Agent, type Worker } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { reservePort } from '@morningai/testbed/ports';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

async function join(bench: Bench, agent: Agent): Promise<Worker> {
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [agent], slots: 5 });
  await worker.ready;
  return worker;
}

const quick = { baseMs: 10, capMs: 20 };
const agentThat = (run: Agent['run'], retry: Agent['retry'] = quick): Agent =>
  defineAgent({ name: 'echo', version: '1', input: z.unknown(), retry, run });

describe.concurrent('work', () => {
  test('a task is done by a worker, step by step', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(
      bench,
      agentThat(async (ctx, input) => ({ seen: input, said: await ctx.step('say', async () => 'hello') })),
    );
    const { id } = await bench.accept({ inputJson: '{"who":"you"}' });
    const task = await bench.finished(id);
    expect(task).toMatchObject({ status: 'completed', attempt: 1, failures: 0 });
    expect(JSON.parse(task.outputJson)).toEqual({ seen: { who: 'you' }, said: 'hello' });
    expect(await bench.eventTypes(id)).toEqual(['TaskSubmitted', 'AttemptStarted', 'StepCompleted', 'TaskCompleted']);
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });

  test('a task that comes while a slot is free is accepted and begun in one commit', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(
      bench,
      agentThat(async (_, input) => input),
    );
    // The first ones may come before the lanes have found that nobody waits.
    await eventually(
      async () => {
        const { id } = await bench.accept({ inputJson: '{"n":1}' });
        expect(await bench.finished(id)).toMatchObject({
          status: 'completed',
          attempt: 1,
          outputJson: '{"n":1}',
          lane: 'direct',
        });
        const [submitted, started] = await readStream(bench.pool, taskStream(id), 0, 2);
        expect(started).toMatchObject({ type: 'AttemptStarted', recordedAt: submitted?.recordedAt });
      },
      { deadlineMs: 20_000 },
    );
    await worker.close();
    expect((await bench.verify()).problems).toEqual([]);
  });

  test('a failed attempt is retried, and a recorded step is not run again', async () => {
    await using bench = await startOrchestrator();
    let stepRuns = 0;
    const worker = await join(
      bench,
      agentThat(async (ctx) => {
        const paid = await ctx.step('pay', async () => (stepRuns += 1));
        if (ctx.task.attempt < 3) throw new Error('not yet');
        return paid;
      }),
    );
    const { id } = await bench.accept({});
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 3, failures: 2, outputJson: '1' });
    expect(stepRuns).toBe(1);
    await worker.close();
  });

  test('a task that always fails ends failed with its cause; one that is not retryable ends at once', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(
      bench,
      agentThat(async (_, input) => {
        throw new AgentError('NO_WAY', 'it cannot be done', { notRetryable: input === 'once' });
      }),
    );
    const [often, once] = await Promise.all([bench.accept({ maxAttempts: 3 }), bench.accept({ inputJson: '"once"' })]);
    const error = { code: 'NO_WAY', message: 'it cannot be done' };
    expect(await bench.finished(often.id)).toMatchObject({ status: 'failed', attempt: 3, failures: 3, error });
    expect(await bench.finished(once.id)).toMatchObject({ status: 'failed', attempt: 1, failures: 1, error });
    await worker.close();
  });

  test('an output that cannot be stored fails its task with the reason, and its neighbours are unharmed', async () => {
    await using bench = await startOrchestrator();
    const outputs: Record<string, unknown> = { large: 'x'.repeat(300 * 1024), nul: 'a\0b', cycle: null, good: 'fine' };
    const cycle: Record<string, unknown> = {};
    outputs['cycle'] = Object.assign(cycle, { self: cycle });
    const worker = await join(
      bench,
      agentThat(async (_, input) => outputs[String(input)]),
    );
    const ask = async (name: string) => bench.finished((await bench.accept({ inputJson: JSON.stringify(name) })).id);
    const [large, nul, cyclic, good] = await Promise.all([ask('large'), ask('nul'), ask('cycle'), ask('good')]);
    expect(large).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_TOO_LARGE' } });
    expect(nul).toMatchObject({ status: 'failed', error: { code: 'TEXT_NOT_STORABLE' } });
    expect(cyclic).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });
    expect(good).toMatchObject({ status: 'completed', outputJson: '"fine"' });
    await worker.close();
  });

  test('a result is held while the orchestrator restarts, and recorded once', async () => {
    await using bench = await startOrchestrator();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const worker = await join(
      bench,
      agentThat(async () => {
        begun.resolve();
        await go.promise;
        return 'kept';
      }),
    );
    const { id } = await bench.accept({});
    await begun.promise;
    const restarted = bench.restart();
    go.resolve();
    await restarted;
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 1, outputJson: '"kept"' });
    await worker.close();
    expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  });

  test('a worker killed in mid-attempt leaves a task that another finishes', async () => {
    await using bench = await startOrchestrator();
    const victim = await startAgentsProcess(bench.address);
    const { id } = await bench.accept({ inputJson: '{"steps":1,"delayMs":3600000}' });
    // Before that it may not have begun, and the claim would only be released.
    await eventually(async () => expect(await bench.eventTypes(id)).toContain('StepCompleted'), { deadlineMs: 10_000 });
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const rescuer = await join(
      bench,
      agentThat(async () => 'done by another'),
    );
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', outputJson: '"done by another"' });
    expect(await bench.eventTypes(id)).toEqual([
      'TaskSubmitted',
      'AttemptStarted',
      'StepCompleted',
      'AttemptExpired',
      'AttemptStarted',
      'TaskCompleted',
    ]);
    await rescuer.close();
    expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  });

  test('a long task keeps its claim by its heartbeats, past the lease', async () => {
    await using bench = await startOrchestrator();
    const end = Promise.withResolvers<void>();
    const worker = await join(
      bench,
      agentThat(() => end.promise),
    );
    const { id } = await bench.accept({});
    const wakeAt = async () =>
      (await bench.pool.query<{ over: boolean }>({ name: 'over', sql: OVER }, [id]))[0]?.over ?? false;
    // The lease as first given is over, and so is the grace after which leases are looked at.
    await eventually(async () => expect(await wakeAt()).toBe(true), { deadlineMs: 20_000 });
    await eventually(async () => expect(await sweptSince(bench, id)).toBe(true), { deadlineMs: 20_000 });
    end.resolve();
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await worker.close();
  });

  test('without Redis tasks are accepted and done', async () => {
    const { port } = await reservePort();
    await using bench = await startOrchestrator({ REDIS_URL: `redis://127.0.0.1:${port}` });
    const worker = await join(
      bench,
      agentThat(async (_, input) => input),
    );
    const tasks = await Promise.all(Array.from({ length: 50 }, () => bench.accept({})));
    const done = await Promise.all(tasks.map(({ id }) => bench.finished(id)));
    expect(new Set(done.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(done.filter(({ lane }) => !['log', 'direct'].includes(lane))).toEqual([]);
    await worker.close();
    expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0, ledger: { completed: 50, open: 0 } });
  });

  test('a task that is due later waits until then', async () => {
    await using bench = await startOrchestrator();
    const worker = await join(
      bench,
      agentThat(async () => null),
    );
    const task = await bench.accept({ dueAt: new Date(Date.now() + 1_500) });
    expect(task.status).toBe('scheduled');
    const done = await bench.finished(task.id);
    expect(done.startedAt?.getTime()).toBeGreaterThanOrEqual(done.dueAt?.getTime() ?? Infinity);
    await worker.close();
  });
});

const OVER = `SELECT wake_at + interval '1 second' < clock_timestamp() AS over FROM tasks WHERE id = $1`;

/** True once the lease was renewed after the first one had ended. */
async function sweptSince(bench: Bench, id: string): Promise<boolean> {
  const sql = `SELECT l.until > t.wake_at + interval '10 seconds' AS renewed FROM leases l JOIN tasks t ON t.id = l.task_id WHERE t.id = $1`;
  return (await bench.pool.query<{ renewed: boolean }>({ name: 'renewed', sql }, [id]))[0]?.renewed ?? false;
}

async function startAgentsProcess(address: string): Promise<ChildProcess> {
  const child = fork(new URL('../../../agents/src/main.ts', import.meta.url).pathname, [], {
    env: { ...process.env, ORCHESTRATOR_ADDRESS: address, MORNINGAI_API_KEY: API_KEY, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
