// Finds servers that are installed already: on PATH, and in Debian's folders for Postgres, which are not on PATH.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Component } from '../backend.ts';

const run = promisify(execFile);

export interface Binaries {
  postgres?: { postgres: string; initdb: string };
  redis?: string;
  nats?: string;
}

export type RedisFlavour = 'redis' | 'valkey';

/** Oldest versions that fit. */
const OLDEST: Readonly<Record<Component, readonly [number, number]>> = {
  postgres: [17, 0],
  redis: [8, 0],
  nats: [2, 10],
};
const DEBIAN_POSTGRES = '/usr/lib/postgresql/17/bin';

/** The wanted components that are installed, in versions that fit. */
export async function findBinaries(
  wanted: readonly Component[],
  flavour: RedisFlavour,
  folders: readonly string[],
): Promise<Binaries> {
  const found: Binaries = {};
  if (wanted.includes('postgres')) {
    const bin = await firstThat([...folders, DEBIAN_POSTGRES], hasPostgres);
    if (bin) found.postgres = { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
  }
  if (wanted.includes('redis')) {
    const bin = await firstThat(folders, (folder) => fits('redis', join(folder, `${flavour}-server`)));
    if (bin) found.redis = join(bin, `${flavour}-server`);
  }
  if (wanted.includes('nats')) {
    const bin = await firstThat(folders, (folder) => fits('nats', join(folder, 'nats-server')));
    if (bin) found.nats = join(bin, 'nats-server');
  }
  return found;
}

async function hasPostgres(folder: string): Promise<boolean> {
  if (!(await fits('postgres', join(folder, 'postgres'))) || !isProgram(join(folder, 'initdb'))) return false;
  const { stdout } = await run(join(folder, 'pg_config'), ['--sharedir']).catch(() => ({ stdout: '' }));
  const shareFolders = [stdout.trim(), '/usr/share/postgresql/17'].filter((path) => path !== '');
  return shareFolders.some((path) => existsSync(join(path, 'extension/vector.control')));
}

async function fits(component: Component, file: string): Promise<boolean> {
  if (!isProgram(file)) return false;
  // A program that does not run, or says nothing we understand, is not the one we look for.
  const { stdout } = await run(file, ['--version']).catch(() => ({ stdout: '' }));
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[component];
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

async function firstThat(folders: readonly string[], test: (folder: string) => Promise<boolean>) {
  for (const folder of folders) if (await test(folder)) return folder;
  return undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
