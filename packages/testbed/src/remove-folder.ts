import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/**
 * Deletes a folder, never across a mount: making a Debian root mounts the machine's /dev and /proc below it for a while,
 * and if that is cut short, deleting the root must not delete those.
 */
export async function removeFolder(folder: string): Promise<void> {
  // Another clean-up may be at it; what counts is what is left.
  for (const mount of mountsBelow(folder)) spawnSync('umount', ['--lazy', mount], { stdio: 'ignore' });
  const left = mountsBelow(folder);
  if (left.length > 0) throw new Error(`${folder} is not deleted: ${left.join(', ')} is mounted there`);
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}

/** Mount points below the folder, deepest first. Field 5 of /proc/self/mountinfo, with octal escapes for blanks. */
function mountsBelow(folder: string): string[] {
  if (!existsSync('/proc/self/mountinfo')) return [];
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) => path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed();
}
