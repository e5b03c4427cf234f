/**
 * A Redis that fails over: a primary, a replica, and three Sentinels that agree by two. Always processes of this machine, for the Sentinels
 * name addresses that servers and clients must both reach. Nothing is left behind, as with a testbed (run.ts).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Backend } from './backend.ts';
import { readConfig } from './config.ts';
import { TestbedError } from './errors.ts';
import { eventually } from './eventually.ts';
import { reservePort } from './ports.ts';
import { command } from './probes/redis.ts';
import { converse } from './probes/conversation.ts';
import { primaryUrl } from './probes/sentinel.ts';
import type { RedisFlavour } from './processes/binaries.ts';
import { ensureBinaries } from './processes/open-processes.ts';
import { createProcessBackend } from './processes/process-backend.ts';
import { redisProgram } from './processes/redis.ts';
import { sentinelProgram } from './processes/sentinel.ts';
import { openRun } from './run.ts';
import { sweep } from './sweep.ts';

export interface RedisGroup extends AsyncDisposable {
  /** redis+sentinel://…: what a client is given. */
  readonly url: string;
  /** The one that was the primary at first, and its replica. */
  readonly servers: readonly [Backend, Backend];
  readonly sentinels: readonly Backend[];
  /** The server that the first Sentinel to answer names: they learn of a failover one after the other. @throws when none of them answers */
  primary(): Promise<Backend>;
  /** What a server says of itself: `master` or `slave`, and whether its replication is in order. @throws while it is down */
  replication(server: Backend): Promise<{ readonly role: string; readonly isInStep: boolean }>;
}

export interface RedisGroupOptions {
  redisFlavour?: RedisFlavour;
  /** One line of what takes long: fetching, waiting for another run. */
  progress?: (line: string) => void;
  signal?: AbortSignal;
}

const NAME = 'mymaster';
const SENTINELS = 3;
const QUORUM = 2;
const ANSWER_MS = 1_000;
const IN_STEP_MS = 30_000;
/** Else a replica that connects waits 5 s for others. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];

/** Resolves when the replica is in step and all Sentinels name the primary. */
export async function openRedisGroup(options: RedisGroupOptions = {}): Promise<RedisGroup> {
  const { redisFlavour = 'redis', progress = () => undefined, signal } = options;
  const resources = new AsyncDisposableStack();
  try {
    const run = openRun();
    resources.defer(() => run.close());
    await sweep(progress);
    const { redis: file } = await ensureBinaries(['redis'], { ...readConfig(), redisFlavour, run, progress, signal });
    if (file === undefined) throw new TestbedError('BACKENDS_UNAVAILABLE', 'no program for redis');
    const ports = await Promise.all(Array.from({ length: 2 + SENTINELS }, () => reservePort()));
    for (const one of ports) resources.defer(async () => one.release());
    const [primaryPort = 0, replicaPort = 0, ...sentinelPorts] = ports.map(({ port }) => port);
    const start = async (
      name: string,
      port: number,
      program: Parameters<typeof createProcessBackend>[0]['program'],
    ) => {
      const backend = createProcessBackend({ program, home: join(run.folder, name), port, run });
      await backend.start();
      return backend;
    };
    const primary = await start('primary', primaryPort, redisProgram(file, 'appendonly', AT_ONCE));
    const follows = ['--replicaof', '127.0.0.1', String(primaryPort), ...AT_ONCE];
    const replica = await start('replica', replicaPort, redisProgram(file, 'appendonly', follows));
    const members = sentinelPorts.map((port) => ({ port, id: randomBytes(20).toString('hex') }));
    const sentinels = await Promise.all(
      members.map((self, index) => {
        const others = members.filter((one) => one !== self);
        const group = { name: NAME, quorum: QUORUM, primaryPort, replicaPort, self, others };
        return start(`sentinel-${index + 1}`, self.port, sentinelProgram(file, group));
      }),
    );
    const url = `redis+sentinel://${sentinelPorts.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`;
    const servers = [primary, replica] as const;
    const group: RedisGroup = {
      url,
      servers,
      sentinels,
      async primary() {
        const named = await primaryUrl(url, ANSWER_MS);
        const found = servers.find((server) => server.url === named);
        if (found === undefined) throw new Error(`the Sentinels name ${named}, which is none of the group`);
        return found;
      },
      replication: replicationOf,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
    await eventually(() => mustBeInStep(group), { deadlineMs: IN_STEP_MS, ...(signal && { signal }) });
    return group;
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function mustBeInStep({ servers: [primary, replica], ...group }: RedisGroup): Promise<void> {
  if ((await group.primary()) !== primary) throw new Error('the Sentinels do not name the primary yet');
  if (!(await group.replication(replica)).isInStep) throw new Error('the replica is not in step yet');
}

async function replicationOf(server: Backend): Promise<{ readonly role: string; readonly isInStep: boolean }> {
  const heard = await converse({
    url: new URL(server.url),
    defaultPort: 6379,
    tls: false,
    say: command('INFO', 'replication'),
    isComplete: (text) => /^role:.*\r\n(?:.*\r\n)*repl_backlog_histlen:.*\r\n/m.test(text) || /^-.*\r\n/m.test(text),
    timeoutMs: ANSWER_MS,
  });
  const field = (name: string) => new RegExp(`^${name}:(.*)\r$`, 'm').exec(heard)?.[1];
  const role = field('role');
  if (role === undefined) throw new Error(`Redis answered ${heard.trim().slice(0, 200)}`);
  return { role, isInStep: field('master_link_status') === 'up' };
}
