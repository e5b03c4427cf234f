// P1, P3, from the workers' side. On a Postgres of its own: it is killed and frozen.
import { createWorker, defineAgent } from '@morningai/sdk';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';

const PACE = { heartbeatMs: 500, leaseMs: 2_500, leaseMinMs: 1_000, lookMs: 100 };
const LONG_LEASE_MS = 5_000;
let testbed: Testbed;
let bench: Bench;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  testbed = await openTestbed({ components: ['postgres'] });
  bench = await startOrchestrator({}, { pace: PACE, postgresUrl: testbed.postgres.url });
});
afterAll(async () => {
  await stack.disposeAsync();
  await bench[Symbol.asyncDispose]();
  await testbed.close();
});

/** Attempts that run until they are told to end: on each of two orchestrators, one with a lease longer than the others'. */
async function runLong(name: string) {
  const other = stack.use(await bench.beside());
  const end = Promise.withResolvers<void>();
  const join = async (address: string, agent: string, leaseMs: number) => {
    const run = () => end.promise.then(() => 'survived');
    const retry = { maxAttempts: 1 };
    const agents = [defineAgent({ name: agent, version: '1', input: z.unknown(), retry, leaseMs, run })];
    const worker = createWorker({ address, apiKey: API_KEY, agents });
    await worker.ready;
    return worker;
  };
  const names = [`${name}-a`, `${name}-b`, `${name}-long`];
  const workers = await Promise.all([
    join(bench.address, `${name}-a`, PACE.leaseMs),
    join(other.address, `${name}-b`, PACE.leaseMs),
    join(other.address, `${name}-long`, LONG_LEASE_MS),
  ]);
  const tasks = await Promise.all(names.map((agent) => bench.accept({ agent })));
  for (const { id } of tasks) await eventually(async () => expect((await bench.get(id)).status).toBe('running'));
  return {
    ids: tasks.map(({ id }) => id),
    end: end.resolve,
    close: () => Promise.all(workers.map((worker) => worker.close())),
  };
}

/** Until every lease would be over, had nobody been heard. */
const pastAllLeases = (since: number) =>
  eventually(() => expect(performance.now() - since).toBeGreaterThan(LONG_LEASE_MS + PACE.leaseMs), { everyMs: 100 });

async function expectSurvivors(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', failures: 0, outputJson: '"survived"' });
    expect(await bench.eventTypes(id)).toEqual(['TaskSubmitted', 'AttemptStarted', 'TaskCompleted']);
  }
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0 });
}

test('no attempt is expired because Postgres was killed and away for longer than its lease, on any orchestrator', async () => {
  const attempts = await runLong('killed');
  const killedAt = performance.now();
  await testbed.postgres.kill();
  await pastAllLeases(killedAt);
  await testbed.postgres.start();
  // Heartbeats renew again, and whoever looks finds that all leases hold.
  const sql = 'SELECT count(*)::int AS held FROM leases WHERE task_id = ANY ($1::uuid[]) AND until > now()';
  await eventually(async () => {
    const rows = await bench.pool.query<{ held: number }>({ name: 'held', sql }, [attempts.ids]);
    expect(rows[0]?.held).toBe(3);
  });
  await pastAllLeases(performance.now());
  attempts.end();
  await expectSurvivors(attempts.ids);
  await attempts.close();
});

test('nor because it was frozen; what attempts came to meanwhile is recorded once', async () => {
  const attempts = await runLong('frozen');
  const frozenAt = performance.now();
  await testbed.postgres.freeze();
  attempts.end();
  await pastAllLeases(frozenAt);
  await testbed.postgres.thaw();
  await expectSurvivors(attempts.ids);
  await attempts.close();
});
