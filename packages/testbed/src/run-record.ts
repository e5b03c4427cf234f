// What a run has made that must go when it ends. Kept in the run's folder, so that whoever finds it can tidy up.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessIdentity, isAlive, machine } from './process-table.ts';
import type { ProcessTree } from './process-tree.ts';

/** Name of a run's folder in the temporary folder, followed by letters made by mkdtemp. */
export const RUN_PREFIX = 'morningai-testbed-';

export interface ProgramRecord extends ProcessTree {
  /** Sent before SIGKILL: lets a server give back what the kernel would keep (Postgres' shared memory). */
  quitSignal?: NodeJS.Signals;
}

/** Whose a run is: enough to judge whether it goes on. */
export interface RunOwner {
  host: string;
  boot: string;
  owner: ProcessIdentity;
  watcher?: ProcessIdentity;
}

export interface RunRecord extends RunOwner {
  id: string;
  programs: ProgramRecord[];
  /** Deleted at the end, besides the run's own folder. */
  folders: string[];
  /** True once the run may have made containers, labelled with its id. */
  containers: boolean;
}

export function readRecord(runFolder: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(runFolder), 'utf8')) as RunRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the record in one step: whoever reads it sees the old one or the new one. */
export function writeRecord(runFolder: string, record: RunRecord): void {
  const draft = `${recordPath(runFolder)}.draft`;
  writeFileSync(draft, JSON.stringify(record, null, 2), { mode: 0o600 });
  renameSync(draft, recordPath(runFolder));
}

/** `theirs`: made on another machine or in another container; nothing here can judge it. */
export function stateOf(record: RunOwner): 'alive' | 'ending' | 'abandoned' | 'theirs' {
  const here = machine();
  if (record.host !== here.host) return 'theirs';
  if (record.boot !== here.boot) return 'abandoned';
  if (isAlive(record.owner)) return 'alive';
  return record.watcher && isAlive(record.watcher) ? 'ending' : 'abandoned';
}

function recordPath(runFolder: string): string {
  return join(runFolder, 'run.json');
}
