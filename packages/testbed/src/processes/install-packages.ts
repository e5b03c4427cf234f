import { runTool } from './run-tool.ts';

/** Another apt may be at work; ours waits for it. */
const APT_WAITS = ['-o', 'DPkg::Lock::Timeout=120'];

/** Installs Debian packages with the machine's own apt. */
export async function installPackages(names: readonly string[], signal?: AbortSignal): Promise<void> {
  await runTool('apt-get', [...APT_WAITS, '-qq', 'update'], { signal });
  await runTool('apt-get', [...APT_WAITS, '-qq', 'install', '--yes', '--no-install-recommends', ...names], { signal });
}
