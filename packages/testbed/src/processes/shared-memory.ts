import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Gives back the few bytes of System V shared memory that a Postgres killed with SIGKILL leaves in the kernel (the next
 * start on the same data would do it, but there may be none). Its key and id are in line 7 of postmaster.pid.
 */
export function releaseSharedMemory(dataFolder: string): void {
  const pidFile = join(dataFolder, 'postmaster.pid');
  if (!existsSync(pidFile) || !existsSync('/proc/sysvipc/shm')) return;
  const [key, id] = readFileSync(pidFile, 'utf8').split('\n')[6]?.trim().split(/\s+/) ?? [];
  // Columns: key shmid perms size cpid lpid nattch …; only while nobody is attached.
  const orphaned = readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((column) => column[0] === key && column[1] === id && column[6] === '0');
  if (orphaned && id) spawnSync('ipcrm', ['-m', id], { stdio: 'ignore' });
}
