import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './program.ts';
import { giveToServiceUser } from './service-user.ts';

/** How soon a primary that says nothing is down for a Sentinel. Operators have 5 to 30 s; drills have no such patience. */
const DOWN_AFTER_MS = 1_000;
/** After it gave up, or was through, it begins another one after twice this time at the earliest. */
const FAILOVER_TIMEOUT_MS = 3_000;

export interface SentinelMember {
  readonly port: number;
  /** 40 hex digits: what Sentinels know each other by. */
  readonly id: string;
}

/**
 * A Sentinel that knows the others and the replica from the start: hearing of them over the primary would take seconds.
 * It keeps what it learns in a file of its own.
 */
export function sentinelProgram(
  file: string,
  group: {
    readonly name: string;
    readonly quorum: number;
    readonly primaryPort: number;
    readonly replicaPort: number;
    readonly self: SentinelMember;
    readonly others: readonly SentinelMember[];
  },
): Program {
  const { name, quorum, primaryPort, replicaPort, self, others } = group;
  const settings = [
    'bind 127.0.0.1',
    `port ${self.port}`,
    `sentinel myid ${self.id}`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${name} ${FAILOVER_TIMEOUT_MS}`,
    `sentinel known-replica ${name} 127.0.0.1 ${replicaPort}`,
    ...others.map(({ port, id }) => `sentinel known-sentinel ${name} 127.0.0.1 ${port} ${id}`),
  ];
  return {
    component: 'redis',
    file,
    stopSignal: 'SIGTERM',
    url: (port) => `redis://127.0.0.1:${port}`,
    async prepare(dataFolder) {
      const path = confIn(dataFolder);
      if (existsSync(path)) return;
      writeFileSync(path, `${settings.join('\n')}\n`, { mode: 0o600 });
      giveToServiceUser(path);
    },
    args: ({ dataFolder }) => [confIn(dataFolder), '--sentinel', '--daemonize', 'no'],
    isOurs: (answer, { pid }) => answer.pid === pid,
  };
}

function confIn(dataFolder: string): string {
  return join(dataFolder, 'sentinel.conf');
}
