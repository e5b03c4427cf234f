import { lock } from '../kernel-lock.ts';
import { runTool } from './run-tool.ts';

/** Another apt may be at work; ours waits for it. For the lock of its lists apt does not wait: among us there is one of our own. */
const APT_WAITS = ['-o', 'DPkg::Lock::Timeout=120'];

/** Installs Debian packages with the machine's own apt. */
export async function installPackages(names: readonly string[], signal?: AbortSignal): Promise<void> {
  const held = await lock('apt', signal ? { signal } : {});
  try {
    await runTool('apt-get', [...APT_WAITS, '-qq', 'update'], { signal });
    await runTool('apt-get', [...APT_WAITS, '-qq', 'install', '--yes', '--no-install-recommends', ...names], {
      signal,
    });
  } finally {
    held.release();
  }
}
