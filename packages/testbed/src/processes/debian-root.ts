/**
 * A Debian root with all the servers, made once per machine. Nothing is installed into the machine itself but mmdebstrap.
 * The servers run without chroot: `bin/` beside the root has one small script per program, which starts it with the
 * root's own loader and libraries. So data may lie anywhere, a user who is not root may run them, and the C library of
 * the machine does not matter.
 */
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rename, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { lock } from '../kernel-lock.ts';
import { killTree } from '../process-tree.ts';
import { removeFolder } from '../remove-folder.ts';
import type { Run } from '../run.ts';
import { canBeEntered } from './service-user.ts';
import { fetchDebianRoot } from './fetch-debian-root.ts';

export const RECIPE = {
  suite: 'trixie',
  packages: [
    'ca-certificates',
    'postgresql-17',
    'postgresql-17-pgvector',
    'redis-server',
    'valkey-server',
    'nats-server',
  ],
  /** Raise it when `bin/` changes. */
  layout: 1,
} as const;

/** Names the cached root and the image made from it. */
export const RECIPE_HASH = createHash('sha256')
  .update(JSON.stringify([RECIPE, process.arch]))
  .digest('hex')
  .slice(0, 12);

const POSTGRES = 'usr/lib/postgresql/17';
const INITDB_SHARE = '-L "$root/usr/share/postgresql/17"';

export interface FetchContext {
  cacheFolders: readonly [string, ...string[]];
  run: Run;
  progress: (line: string) => void;
  signal: AbortSignal | undefined;
  /** Why this machine cannot fetch; undefined when it can. */
  whyNot: string | undefined;
}

/** The folder that holds `root/` and `bin/`, if this machine has one. */
export function cachedDebianRoot(cacheFolders: readonly string[]): string | undefined {
  return cacheFolders.map((folder) => join(folder, RECIPE_HASH)).find((folder) => existsSync(join(folder, 'bin')));
}

/** Fetches the root unless it is there. Of two runs at once, one fetches and the other waits. */
export async function ensureDebianRoot(context: FetchContext): Promise<string> {
  const { cacheFolders, run, progress, signal } = context;
  const cached = cachedDebianRoot(cacheFolders);
  if (cached) return cached;
  if (context.whyNot) throw new TestbedError('BACKENDS_UNAVAILABLE', context.whyNot);
  await mkdir(cacheFolders[0], { recursive: true });
  const cache = await realpath(cacheFolders[0]);
  if (process.getuid?.() === 0 && !canBeEntered(join(cache, RECIPE_HASH))) {
    throw new TestbedError('TESTBED_CONFIG_INVALID', `${cache}: the servers do not run as root and cannot enter it`);
  }
  const onWait = () => progress('waiting for another run that is fetching postgres, redis, nats …');
  const held = await lock(`fetch ${join(cache, RECIPE_HASH)}`, { onWait, ...(signal && { signal }) });
  try {
    return cachedDebianRoot(cacheFolders) ?? (await build(cache));
  } finally {
    held.release();
  }

  async function build(into: string): Promise<string> {
    progress('fetching postgres, redis, nats (once, about 30 s) …');
    const draftName = `${RECIPE_HASH}.draft-`;
    for (const name of readdirSync(into).filter((entry) => entry.startsWith(draftName))) {
      const left = join(into, name);
      await killTree({ folder: left });
      await removeFolder(left);
    }
    const draft = await mkdtemp(join(into, draftName));
    run.noteProgram({ folder: draft });
    run.noteFolder(draft);
    await fetchDebianRoot({ ...RECIPE, target: join(draft, 'root'), workFolder: draft, progress, signal });
    await writeScripts(draft);
    await chmod(draft, 0o755);
    const done = join(into, RECIPE_HASH);
    await rename(draft, done);
    run.forgetFolder(draft);
    progress('fetched');
    return done;
  }
}

async function writeScripts(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'));
  const loader = findLoader(join(folder, 'root'));
  const write = (name: string, program: string, argv0 = `$root/${program}`, more = '') =>
    writeFile(join(folder, 'bin', name), script({ loader, program, argv0, more }), { mode: 0o755 });
  await write('postgres', `${POSTGRES}/bin/postgres`);
  // initdb looks for `postgres` beside itself: it must find the script, not the program that needs another loader.
  await write('initdb', `${POSTGRES}/bin/initdb`, '$here/initdb', INITDB_SHARE);
  await write('redis-server', 'usr/bin/redis-server');
  await write('valkey-server', 'usr/bin/valkey-server');
  await write('nats-server', 'usr/sbin/nats-server');
}

function script(options: { loader: string; program: string; argv0: string; more: string }): string {
  const folder = options.loader.slice(0, options.loader.lastIndexOf('/'));
  return `#!/bin/sh
# Runs one program of the root beside this folder with the root's own loader and libraries.
here=\${0%/*}
root=\${here%/*}/root
exec "$root/${options.loader}" --library-path "$root/${folder}" --argv0 "${options.argv0}" "$root/${options.program}" ${options.more} "$@"
`;
}

function findLoader(root: string): string {
  const folders = readdirSync(join(root, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'));
  for (const folder of folders) {
    const name = readdirSync(join(root, 'usr/lib', folder)).find((file) => /^ld-linux.*\.so\.\d$/.test(file));
    if (name) return `usr/lib/${folder}/${name}`;
  }
  throw new TestbedError('FETCH_FAILED', `${root} has no dynamic loader`);
}
