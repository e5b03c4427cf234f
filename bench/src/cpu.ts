/** CPU time of processes and all their children, from /proc; nothing where there is none. */
import { readFileSync, readdirSync } from 'node:fs';

/** Name → seconds so far. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** The kernel's USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export function cpuSeconds(pids: Readonly<Record<string, number>>): CpuSeconds {
  const table = readTable();
  const children = Map.groupBy(table.values(), ({ parent }) => parent);
  const ticksOf = (pid: number): number => {
    const own = table.get(pid)?.ticks ?? 0;
    return (children.get(pid) ?? []).reduce((sum, child) => sum + ticksOf(child.pid), own);
  };
  const entries = Object.entries(pids).filter(([, pid]) => table.has(pid));
  return Object.fromEntries(entries.map(([name, pid]) => [name, ticksOf(pid) / TICKS_PER_SECOND]));
}

export function cpuBetween(before: CpuSeconds, after: CpuSeconds): CpuSeconds {
  return Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]));
}

type Entry = { readonly pid: number; readonly parent: number; readonly ticks: number };

function readTable(): Map<number, Entry> {
  const entries = pidsOf('/proc').flatMap((pid) => {
    const entry = readEntry(pid);
    return entry === null ? [] : [[pid, entry] as const];
  });
  return new Map(entries);
}

function pidsOf(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** stat(5): field 4 the parent; 14 to 17 user and system time, its own and that of children it has buried. */
function readEntry(pid: number): Entry | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended between two looks.
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}
