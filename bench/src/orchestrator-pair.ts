/** Two orchestrators on one log, each a process of its own, to be killed, frozen and brought back; and real backends for them. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { bearer, callUnary, openClient } from '@morningai/rpc/client';
import { SystemServiceClient, type GetQueueRequest, type GetQueueResponse } from '@morningai/rpc/system';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { freezeProcess, thawProcess } from '@morningai/testbed/freeze-process';
import { reservePort } from '@morningai/testbed/ports';
import type { BenchmarkOptions } from './benchmark.ts';

export type PairedOrchestrator = {
  /** "host:port", the same after a restart. */
  readonly address: string;
  leads(): Promise<boolean>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): void;
};

export type OrchestratorPair = AsyncDisposable & {
  readonly apiKey: string;
  readonly testbed: Testbed;
  /** Waits until one of them leads and both take tickets. */
  byRole(): Promise<{ readonly leader: PairedOrchestrator; readonly follower: PairedOrchestrator }>;
};

const MAIN = new URL('../../services/orchestrator/src/main.ts', import.meta.url).pathname;
const CALL_MS = 2_000;
const SETTLED_MS = 30_000;

export async function openOrchestratorPair({ progress, signal }: BenchmarkOptions): Promise<OrchestratorPair> {
  const apiKey = randomBytes(16).toString('hex');
  await using opening = new AsyncDisposableStack();
  const testbed = opening.use(await openTestbed({ progress, signal }));
  const open = async () => opening.use(await openOne(testbed, apiKey));
  // One after the other: the first one migrates.
  const pair = [await open(), await open()] as const;
  const parts = opening.move();

  const byRole = async () => {
    const [one, other] = pair;
    const leads = await Promise.all(pair.map((node) => node.leads()));
    if (leads[0] === leads[1]) throw new Error('not exactly one of them leads');
    return leads[0] ? { leader: one, follower: other } : { leader: other, follower: one };
  };
  return {
    apiKey,
    testbed,
    byRole: () => eventually(byRole, { deadlineMs: SETTLED_MS, signal }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function openOne(testbed: Testbed, apiKey: string): Promise<PairedOrchestrator & AsyncDisposable> {
  const { port, release } = await reservePort();
  const address = `127.0.0.1:${port}`;
  const env = {
    ...process.env,
    BIND_HOST: '127.0.0.1',
    ORCHESTRATOR_PORT: String(port),
    DATABASE_URL: testbed.postgres.url,
    REDIS_URL: testbed.redis.url,
    NATS_URL: testbed.nats.url,
    MORNINGAI_API_KEY: apiKey,
    LOG_LEVEL: 'silent',
  };
  const launch = async () => {
    const launched = fork(MAIN, [], { env, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(launched, 'message');
    return launched;
  };
  let child = await launch();
  const system = openClient(SystemServiceClient, address);
  const kill = async () => {
    if (isOver(child)) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    address,
    async leads() {
      const { term, lane } = await callUnary<GetQueueRequest, GetQueueResponse>(
        (...args) => system.getQueue(...args),
        {},
        { metadata: bearer(apiKey), deadlineMs: CALL_MS },
      );
      if (lane !== 'queue') throw new Error(`${address} takes no tickets`);
      return term !== undefined;
    },
    kill,
    async restart() {
      child = await launch();
    },
    freeze: () => freezeProcess(child.pid ?? 0),
    thaw: () => thawProcess(child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      system.close();
      await kill();
      release();
    },
  };
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
