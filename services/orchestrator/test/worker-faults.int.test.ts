// W1, W2, W3 of the fault matrix: workers that are killed, frozen, or poisoned, each a process of its own.
import { eventually } from '@morningai/testbed/eventually';
import { createTaskWriter } from '@morningai/log/task-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOrchestrator, type Bench } from './start-orchestrator.ts';
import { startWorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

const PACE = { heartbeatMs: 800, leaseMs: 4_000, leaseMinMs: 1_000, lookMs: 100 };
const task = (agent: string, input: string) => ({ agent, inputJson: JSON.stringify(input) });

let bench: Bench;
beforeAll(async () => {
  bench = await startOrchestrator({}, { pace: PACE });
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Each test has an agent of its own. */
const worker = (agent: string, workerId: string, options: Partial<WorkerProcessOptions> = {}) =>
  startWorkerProcess({ address: bench.address, agent, workerId, leaseMs: PACE.leaseMs, ...options });

describe.concurrent('W1: a worker killed with SIGKILL', { timeout: 120_000 }, () => {
  test.each([
    ['before effect', 1],
    ['after effect', 2],
    ['after record', 1],
  ])('%s loses nothing: the next attempt ends it, every effect under one key, one outcome', async (where, effects) => {
    const agent = where.replace(' ', '-');
    await using victim = await worker(agent, 'victim', { stops: true });
    const { id } = await bench.accept(task(agent, where));
    await victim.hears('stopped', id);
    await victim.kill();
    await using rescuer = await worker(agent, 'rescuer');
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', failures: 1, outputJson: '"paid"' });
    const told = [...victim.told, ...rescuer.told].filter(({ what }) => what.startsWith('effect'));
    expect(told.map(({ what }) => what)).toEqual(Array.from({ length: effects }, () => `effect ${id}/0/pay`));
    expect((await bench.eventTypes(id)).filter((type) => type === 'StepCompleted')).toHaveLength(1);
  });
});

describe.concurrent('W2: a worker frozen past its lease', { timeout: 120_000 }, () => {
  test('gets nothing new, is fenced when it wakes, and has its slots back then', async () => {
    await using zombie = await worker('frozen', 'zombie', { slots: 2 });
    const held = await bench.accept(task('frozen', 'wait'));
    await zombie.hears('began', held.id);
    zombie.freeze();
    // One of its slots is free all the time.
    await eventually(async () => expect(await bench.freeSlots('frozen')).toBe(0));
    const waiting = await bench.accept(task('frozen', 'any'));
    await eventually(async () => expect(await bench.eventTypes(held.id)).toContain('AttemptExpired'));
    expect(await bench.eventTypes(waiting.id)).toEqual(['TaskSubmitted']);

    await using other = await worker('frozen', 'other', { slots: 2 });
    expect(await bench.finished(waiting.id)).toMatchObject({ attempt: 1, outputJson: '"by other"' });
    await other.hears('began', held.id);
    await eventually(async () => expect(await bench.freeSlots('frozen')).toBe(1));

    zombie.thaw();
    await zombie.hears('aborted', held.id);
    // Its credits are back once it has spoken, but for the one that the aborted attempt has until it ends.
    await eventually(async () => expect(await bench.freeSlots('frozen')).toBe(2));
    zombie.release(held.id);
    await eventually(async () => expect(await bench.freeSlots('frozen')).toBe(3));
    expect((await bench.get(held.id)).status).toBe('running');
    other.release(held.id);
    expect(await bench.finished(held.id)).toMatchObject({ attempt: 2, failures: 1, outputJson: '"by other"' });
  });
});

describe.concurrent('W3: a task that', { timeout: 120_000 }, () => {
  test.each(['exit', 'abort', 'memory'])(
    'ends its worker by "%s" fails with WORKER_LOST after maxCrashes, and names whom it has ended',
    async (poison) => {
      await using first = await worker(poison, 'first', { maxCrashes: 2 });
      const { id } = await bench.accept(task(poison, poison));
      await first.ended;
      await using second = await worker(poison, 'second', { maxCrashes: 2 });
      await second.ended;
      const failed = await bench.finished(id);
      expect(failed).toMatchObject({ status: 'failed', failures: 2, error: { code: 'WORKER_LOST' } });
      expect(failed.error?.message).toMatch(/first \(\d+\), second \(\d+\)/);
    },
  );

  test('blocks its worker for ever fails with WORKER_LOST after maxCrashes, though the workers stay connected', async () => {
    await using first = await worker('spin', 'first', { maxCrashes: 2 });
    const { id } = await bench.accept(task('spin', 'spin'));
    await eventually(async () => expect(await bench.eventTypes(id)).toContain('AttemptExpired'));
    // It spins beside all the other tests otherwise.
    await first.kill();
    await using second = await worker('spin', 'second', { maxCrashes: 2 });
    const failed = await bench.finished(id);
    await second.kill();
    expect(failed).toMatchObject({ status: 'failed', failures: 2, error: { code: 'WORKER_LOST' } });
    expect(failed.error?.message).toMatch(/first \(\d+\), second \(\d+\)/);
  });

  test('throws, or returns ten megabytes, fails with that cause, and its worker goes on', async () => {
    await using sturdy = await worker('sturdy', 'sturdy');
    const throws = await bench.accept({ ...task('sturdy', 'throw'), maxAttempts: 2 });
    const large = await bench.accept(task('sturdy', 'large'));
    expect(await bench.finished(throws.id)).toMatchObject({ failures: 2, error: { code: 'AGENT_ERROR' } });
    expect(await bench.finished(large.id)).toMatchObject({ failures: 1, error: { code: 'OUTPUT_TOO_LARGE' } });
    const { id } = await bench.accept(task('sturdy', 'any'));
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', outputJson: `"by ${sturdy.workerId}"` });
  });
});

describe.concurrent('a claim', { timeout: 120_000 }, () => {
  test('whose orchestrator died before a worker had it is released, and counts as no failure', async () => {
    // The agent is known, and nobody is there for it.
    await using passing = await worker('orphan', 'passing');
    await passing.kill();
    const { id } = await bench.accept({ ...task('orphan', 'any'), maxAttempts: 1 });
    const orphan = createTaskWriter(bench.pool);
    const limits = {
      tenant: '',
      limits: [],
      urgency: 'claim',
      bytes: 1,
      deadlineAt: performance.now() + 10_000,
    } as const;
    const claim = { claimId: 'a', worker: 'passing', agentVersion: '1', leaseMs: 500 };
    await orphan.write({ ...limits, taskId: id, command: { type: 'Start', ...claim } });
    await orphan.close();
    await eventually(async () =>
      expect(await bench.eventTypes(id)).toEqual(['TaskSubmitted', 'AttemptStarted', 'AttemptReleased']),
    );
    await using next = await worker('orphan', 'next');
    expect(await bench.finished(id)).toMatchObject({
      status: 'completed',
      attempt: 2,
      failures: 0,
      outputJson: `"by ${next.workerId}"`,
    });
  });
});

test('after all of these the log is sound, nothing was recorded twice, and no fence has fallen', async () => {
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
  const fences = await bench.pool.query<{ falls: boolean }>(
    {
      name: 'fences',
      sql: `SELECT (data ->> 'fence')::int <= coalesce(lag((data ->> 'fence')::int) OVER (PARTITION BY stream ORDER BY version), 0) AS falls
            FROM events WHERE type = 'AttemptStarted'`,
    },
    [],
  );
  expect(fences.filter(({ falls }) => falls)).toEqual([]);
});
