// O1, O3, from the workers' side: an orchestrator that dies or freezes loses its workers to the other one, and nothing else.
import { createWorker, defineAgent, type Worker } from '@morningai/sdk';
import { eventually } from '@morningai/testbed/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startOrchestratorProcess } from './orchestrator-process.ts';
import { API_KEY, startOrchestrator, type Bench } from './start-orchestrator.ts';
import { startWorkerProcess } from './worker-process.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startOrchestrator();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** What its orchestrator had claimed and not given away is released after so long. */
const SHORT = { leaseMs: 5_000 };

type Run = Parameters<typeof defineAgent<number>>[0]['run'];

async function join(
  name: string,
  address: readonly string[],
  run: Run,
  own: { readonly workerId?: string; readonly leaseMs?: number } = {},
): Promise<Worker> {
  const { leaseMs = 10_000, ...id } = own;
  const agent = defineAgent({
    name,
    version: '1',
    input: z.number(),
    retry: { baseMs: 10, capMs: 20 },
    leaseMs,
    run,
  });
  const worker = createWorker({ address, apiKey: API_KEY, agents: [agent], slots: 10, ...id });
  await worker.ready;
  return worker;
}

const submit = async (agent: string, from: number, count: number) => {
  const specs = Array.from({ length: count }, (_, n) => ({ agent, inputJson: String(from + n) }));
  const results = await bench.submit(...specs);
  return results.map(({ result }) => (result?.$case === 'accepted' ? (result.value.task?.id ?? '') : ''));
};

// Processes that start, die and freeze beside each other, on a machine that may be busy with other things.
describe.concurrent('workers', { timeout: 120_000 }, () => {
  test('of an orchestrator that is killed with SIGKILL under load go on with another: nothing lost, nothing failed, one outcome each', async () => {
    await using victim = await startOrchestratorProcess(bench);
    let runs = 0;
    const run: Run = async (ctx, n) => {
      runs += 1;
      return ctx.step('double', async () => n * 2);
    };
    const workers = await Promise.all([
      join('loaded', [victim.address, bench.address], run, SHORT),
      join('loaded', [victim.address, bench.address], run, SHORT),
      join('loaded', [bench.address, victim.address], run, SHORT),
    ]);
    const first = await submit('loaded', 0, 150);
    await eventually(() => expect(runs).toBeGreaterThan(50));
    const second = submit('loaded', 150, 150);
    await victim.kill();
    const ids = [...first, ...(await second)];
    for (const [n, id] of ids.entries()) {
      expect(await bench.finished(id)).toMatchObject({ status: 'completed', failures: 0, outputJson: String(n * 2) });
    }
    await Promise.all(workers.map((worker) => worker.close()));
  });

  test('of an orchestrator that is frozen move on before their leases (10 s) run out, and it does no harm when it wakes', async () => {
    await using sleeper = await startOrchestratorProcess(bench);
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const worker = await join('moving', [sleeper.address, bench.address], async () => {
      begun.resolve();
      await end.promise;
      return 'kept';
    });
    const [id = ''] = await submit('moving', 0, 1);
    await begun.promise;
    sleeper.freeze();
    await eventually(async () => expect(await bench.freeSlots('moving')).toBe(9));
    sleeper.thaw();
    end.resolve();
    expect(await bench.finished(id)).toMatchObject({
      status: 'completed',
      attempt: 1,
      failures: 0,
      outputJson: '"kept"',
    });
    await worker.close();
  });

  test('that die together with their orchestrator have begun all the same: that is a crash', async () => {
    await using victim = await startOrchestratorProcess(bench);
    const options = { agent: 'doomed', leaseMs: 5_000 };
    await using doomed = await startWorkerProcess({ ...options, address: victim.address, workerId: 'doomed' });
    const { id } = await bench.accept({ agent: 'doomed', inputJson: '"wait"' });
    await doomed.hears('began', id);
    // No heartbeat yet: it is the moment after Begun that counts.
    const sql = 'SELECT fence FROM leases WHERE task_id = $1';
    await eventually(async () => expect(await bench.pool.query({ name: 'evidence', sql }, [id])).toHaveLength(1));
    await Promise.all([victim.kill(), doomed.kill()]);
    await eventually(async () => expect(await bench.eventTypes(id)).toContain('AttemptExpired'));
    await using rescuer = await startWorkerProcess({ ...options, address: bench.address, workerId: 'rescuer' });
    await rescuer.hears('began', id);
    rescuer.release(id);
    expect(await bench.finished(id)).toMatchObject({ status: 'completed', attempt: 2, failures: 1 });
  });

  test('with one id take turns in being heard, and each task is recorded once', async () => {
    const run: Run = (_, n) => new Promise((resolve) => setTimeout(resolve, 50, n));
    const twins = await Promise.all([
      join('twin', [bench.address], run, { workerId: 'twin' }),
      join('twin', [bench.address], run, { workerId: 'twin' }),
    ]);
    const ids = await submit('twin', 0, 60);
    for (const [n, id] of ids.entries()) {
      expect(await bench.finished(id)).toMatchObject({ status: 'completed', outputJson: String(n) });
    }
    await Promise.all(twins.map((twin) => twin.close()));
  });
});

test('after all of these the log is sound, and nothing was recorded twice', async () => {
  expect(await bench.verify()).toMatchObject({ problems: [], recordedTwice: 0, ledger: { open: 0 } });
});
