import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SERVER_ENVIRONMENT, giveToServiceUser, serviceUserFor } from './service-user.ts';
import type { Program } from './program.ts';

const run = promisify(execFile);

/**
 * Written into postgresql.conf, so that tests may change them with ALTER SYSTEM. fsync and synchronous_commit stay on:
 * durability is what is tested. Dynamic shared memory in files, because in /dev/shm it would outlive a SIGKILL.
 */
const SETTINGS = [
  'max_connections=200',
  'shared_buffers=128MB',
  'dynamic_shared_memory_type=mmap',
  'timezone=UTC',
  'log_timezone=UTC',
];

/** For both providers; initdb takes 0.7 s, which is why no template of the whole cluster is kept. */
export const INITDB_ARGS: readonly string[] = [
  '--username=postgres',
  '--auth=trust',
  '--encoding=UTF8',
  '--no-instructions',
  // The C.UTF-8 of Postgres itself: the same order on every machine, whatever its libc.
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  ...SETTINGS.flatMap((setting) => ['-c', setting]),
];

export function postgresProgram(files: { postgres: string; initdb: string }): Program {
  return {
    component: 'postgres',
    file: files.postgres,
    // Fast shutdown: ends sessions, writes a checkpoint.
    stopSignal: 'SIGINT',
    quitSignal: 'SIGQUIT',
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    // No socket file: its path may be at most 107 bytes, and a temporary folder's is easily longer.
    args: ({ port, dataFolder }) =>
      [
        ['-D', dataFolder],
        ['-c', 'listen_addresses=127.0.0.1'],
        ['-c', `port=${port}`],
        ['-c', 'unix_socket_directories='],
      ].flat(),
    prepare: (dataFolder) => initialise(files.initdb, dataFolder),
    isOurs: (answer, { dataFolder }) => answer.dataFolder === dataFolder,
  };
}

/** Made beside the data folder and moved in when complete: an initdb cut short leaves no half cluster behind. */
async function initialise(initdb: string, dataFolder: string): Promise<void> {
  if (existsSync(join(dataFolder, 'PG_VERSION'))) return;
  const draft = `${dataFolder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  giveToServiceUser(draft);
  const { prefix, ...ids } = serviceUserFor(draft);
  const [file = initdb, ...args] = [...prefix, initdb, '-D', draft, ...INITDB_ARGS];
  await run(file, args, { ...ids, cwd: draft, env: SERVER_ENVIRONMENT });
  await rename(draft, dataFolder);
}
