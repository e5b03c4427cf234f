// Who runs on this machine. A pid alone is no identity (it is used again): a process is known by pid and start time.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  pid: number;
  startTime: string;
}

const LINUX = process.platform === 'linux';

/** undefined when there is no such process; a zombie is none. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = LINUX ? linuxStartTime(pid) : psStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identityOf(process.pid)?.startTime === process.startTime;
}

/** The machine and its boot: a record of another boot names no living process. */
export function machine(): { host: string; boot: string } {
  return { host: hostname(), boot: LINUX ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : '' };
}

/** The program a process runs, as the kernel names it. */
export function programOf(pid: number): string | undefined {
  return LINUX ? link(`/proc/${pid}/exe`) : undefined;
}

/**
 * Processes whose current folder (or root) is the folder or lies below it. Servers are found this way because Postgres'
 * children leave the process group and rewrite their environment. Empty where there is no /proc.
 */
export function processesIn(folder: string): number[] {
  if (!LINUX) return [];
  const inside = (path: string | undefined) => path === folder || path?.startsWith(`${folder}/`) === true;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && (inside(link(`/proc/${pid}/cwd`)) || inside(link(`/proc/${pid}/root`))));
}

/** Sends a signal; false when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** True when none of the process's threads runs any more: a stop signal reaches them one after the other. */
export function isStopped(pid: number): boolean {
  if (!LINUX) return true;
  const threads = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.every((thread) => {
    const stat = unlessGone(() => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
    return stat === undefined || /^[TtZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2).split(' ', 1)[0] ?? '');
  });
}

/** Fields 3 (state) and 22 (start time, in ticks since boot) of stat(5); the name in field 2 may hold anything. */
function linuxStartTime(pid: number): string | undefined {
  const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function psStartTime(pid: number): string | undefined {
  return unlessGone(() => execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim());
}

function link(path: string): string | undefined {
  return unlessGone(() => readlinkSync(path));
}

/** A process may end, or belong to somebody else, between two looks: then there is nothing to say about it. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
