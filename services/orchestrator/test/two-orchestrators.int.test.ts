/** Two orchestrators on one log, each a process of its own that can be killed and frozen: O1 of the drills, at close range. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWorker, defineAgent, type Worker } from '@morningai/sdk';
import { openPool } from '@morningai/log/pool';
import { verifyLog } from '@morningai/log/verify';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { TaskServiceClient, type SubmitTasksRequest, type SubmitTasksResponse } from '@morningai/rpc/tasks';
import { openTestDatabase } from '@morningai/testbed/database';
import { eventually } from '@morningai/testbed/eventually';
import { reservePort } from '@morningai/testbed/ports';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { API_KEY, taskSpec } from './start-orchestrator.ts';

type Node = {
  readonly address: string;
  process: ChildProcess;
  readonly worker: Worker;
  submit(tasks: number): Promise<void>;
};

/** What a frozen orchestrator may hold: its worker's slots, and the ticket it has just taken. */
const IN_HAND = 100;

const stack = new AsyncDisposableStack();
let databaseUrl: string;
let accepted = 0;
const nodes: Node[] = [];

beforeAll(async () => {
  databaseUrl = stack.use(await openTestDatabase({ adminUrl: inject('postgresUrl') })).url;
  // One after the other: the first one migrates.
  for (const _ of [1, 2]) nodes.push(await startNode());
});
afterAll(() => stack.disposeAsync());

async function startProcess(port: number): Promise<ChildProcess> {
  const child = fork(new URL('../src/main.ts', import.meta.url).pathname, [], {
    env: {
      ...process.env,
      ORCHESTRATOR_PORT: String(port),
      DATABASE_URL: databaseUrl,
      REDIS_URL: inject('redisUrl'),
      NATS_URL: inject('natsUrl'),
      FEED_STREAM: 'TWO_ORCHESTRATORS',
      MORNINGAI_API_KEY: API_KEY,
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

async function startNode(): Promise<Node> {
  const { port, release } = await reservePort();
  stack.defer(release);
  const address = `127.0.0.1:${port}`;
  const child = await startProcess(port);
  const echo = defineAgent({ name: 'echo', version: '1', input: z.unknown(), run: async (_, input) => input });
  const worker = createWorker({ address, apiKey: API_KEY, agents: [echo], slots: 20 });
  await worker.ready;
  const client = openClient(TaskServiceClient, address);
  const node: Node = {
    address,
    process: child,
    worker,
    async submit(count) {
      const tasks = Array.from({ length: count }, () => taskSpec({}));
      // Until it is answered, under the same ids: an orchestrator that was away may have accepted them.
      await eventually(async () => {
        const { results } = await callUnary<SubmitTasksRequest, SubmitTasksResponse>(
          (...args) => client.submitTasks(...args),
          { tenant: 'default', tasks },
          { metadata: bearer(API_KEY), deadlineMs: 5_000 },
        );
        for (const { result } of results) expect(result?.$case).toBe('accepted');
      });
      accepted += count;
    },
  };
  stack.defer(async () => {
    client.close();
    await worker.close();
    node.process.kill('SIGKILL');
    if (node.process.exitCode === null && node.process.signalCode === null) await once(node.process, 'exit');
  });
  return node;
}

async function allDone(): Promise<void> {
  const pool = openPool({ url: databaseUrl, name: 'test' });
  try {
    await eventually(
      async () => {
        const report = await verifyLog(pool);
        expect(report.ledger).toMatchObject({ accepted, completed: accepted });
        expect(report).toMatchObject({ problems: [], recordedTwice: 0 });
      },
      { deadlineMs: 100_000, everyMs: 250 },
    );
    const deadlocks = `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`;
    expect(await pool.query({ name: 'deadlocks', sql: deadlocks }, [])).toEqual([{ deadlocks: 0 }]);
  } finally {
    await pool.close();
  }
}

const at = (index: number): Node => {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node;
};

test('share the work, and every outcome is recorded once', async () => {
  await Promise.all([at(0).submit(400), at(1).submit(400)]);
  await allDone();
});

test.each([
  ['the first one', 0],
  ['the other one', 1],
] as const)('%s may be frozen: the work goes on, and once thawed it does no harm', async (_, index) => {
  const [victim, other] = [at(index), at(1 - index)];
  await Promise.all([victim.submit(200), other.submit(200)]);
  victim.process.kill('SIGSTOP');
  const before = accepted;
  await other.submit(200);
  const pool = openPool({ url: databaseUrl, name: 'test' });
  // Of those submitted meanwhile all are done, by the slots of the other one, while this one is frozen still.
  await eventually(async () => {
    const { ledger } = await verifyLog(pool);
    expect(ledger.completed).toBeGreaterThanOrEqual(before - IN_HAND);
  });
  await pool.close();
  victim.process.kill('SIGCONT');
  await allDone();
});

test.each([
  ['the first one', 0],
  ['the other one', 1],
] as const)('%s may be killed: the work goes on, and what it had in hand is done', async (_, index) => {
  const [victim, other] = [at(index), at(1 - index)];
  await Promise.all([victim.submit(200), other.submit(200)]);
  victim.process.kill('SIGKILL');
  await once(victim.process, 'exit');
  await other.submit(200);
  const port = Number(victim.address.split(':')[1]);
  victim.process = await startProcess(port);
  await victim.submit(10);
  await allDone();
});
