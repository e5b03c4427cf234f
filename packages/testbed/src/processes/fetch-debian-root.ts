import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { debianSources } from './debian-sources.ts';
import { installPackages } from './install-packages.ts';
import { runTool } from './run-tool.ts';

export interface FetchOptions {
  suite: string;
  packages: readonly string[];
  target: string;
  /** mmdebstrap's current and temporary folder. */
  workFolder: string;
  progress: (line: string) => void;
  signal: AbortSignal | undefined;
}

/** Why this machine cannot fetch a root; undefined when it can. */
export function whyNotFetch(): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return 'this is no Debian or Ubuntu';
  if (process.getuid?.() !== 0) return 'fetching them needs root';
  return undefined;
}

export async function fetchDebianRoot(options: FetchOptions): Promise<void> {
  const { progress, signal, workFolder } = options;
  if (!existsSync('/usr/bin/mmdebstrap')) {
    progress('installing mmdebstrap …');
    // Ubuntu has no keys for Debian's archive of its own.
    await installPackages(['mmdebstrap', ...(isDebian() ? [] : ['debian-archive-keyring'])], signal);
  }
  const { sources, aptOptions } = await debianSources(options.suite);
  const args = [
    '--variant=essential',
    `--include=${options.packages.join(',')}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    options.suite,
    options.target,
    ...sources,
  ];
  // mmdebstrap says what it does in lines that begin with "I: ".
  const onLine = (line: string) => {
    const step = /^I: ((?:downloading|extracting|installing) .*)$/.exec(line)?.[1];
    if (step) progress(`  ${step}`);
  };
  const [file = 'mmdebstrap', ...rest] = [...ownMounts(), 'mmdebstrap', ...args];
  await runTool(file, rest, { cwd: workFolder, env: { TMPDIR: workFolder }, signal, onLine });
  if (!existsSync(join(options.target, 'usr/bin'))) {
    throw new TestbedError('FETCH_FAILED', `mmdebstrap made no root in ${options.target}`);
  }
}

/** mmdebstrap mounts /dev, /proc and /sys below the root it makes; in a name space of its own they go when it dies. */
function ownMounts(): string[] {
  const prefix = ['unshare', '--mount', '--propagation', 'private'];
  const [file, ...args] = prefix;
  return file && spawnSync(file, [...args, 'true'], { stdio: 'ignore' }).status === 0 ? prefix : [];
}

function isDebian(): boolean {
  return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}
