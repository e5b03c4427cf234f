/**
 * A run: one open testbed, its temporary folder, and the watcher that tidies up after it. The watcher holds the other
 * end of a pipe; the kernel closes that pipe when this process ends, by whatever means, so closing the testbed, Ctrl-C
 * and kill -9 all take the same way out. Should the watcher be killed too, the next run sweeps (sweep.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { cleanUp } from './clean-up.ts';
import { watcherEnvironment } from './config.ts';
import { identityOf, machine } from './process-table.ts';
import { RUN_PREFIX, type ProgramRecord, type RunOwner, type RunRecord, writeRecord } from './run-record.ts';

export interface Run {
  readonly id: string;
  /** Real path; gone when the run ends. */
  readonly folder: string;
  readonly owner: RunOwner;
  /** Notes a server, or the newer facts about the one with the same folder. Note it before it is spawned. */
  noteProgram(program: ProgramRecord): void;
  noteFolder(folder: string): void;
  forgetFolder(folder: string): void;
  noteContainers(): void;
  /** Ends everything the run has made; resolves when it is gone. */
  close(): Promise<void>;
}

export function openRun(): Run {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), RUN_PREFIX)));
  // The servers run as another user when we are root: they may pass through, not look around.
  chmodSync(folder, 0o711);
  const owner = identityOf(process.pid);
  if (!owner) throw new Error('this process is not in the process table');
  const record: RunRecord = { id: randomUUID(), ...machine(), owner, programs: [], folders: [], containers: false };
  const save = () => writeRecord(folder, record);
  save();
  const watcher = spawnWatcher(folder);
  const watcherIdentity = watcher.pid === undefined ? undefined : identityOf(watcher.pid);
  if (watcherIdentity) record.watcher = watcherIdentity;
  save();

  return {
    id: record.id,
    folder,
    owner: { ...machine(), owner, ...(watcherIdentity && { watcher: watcherIdentity }) },
    noteProgram(program) {
      record.programs = [...record.programs.filter((known) => known.folder !== program.folder), program];
      save();
    },
    noteFolder(path) {
      record.folders.push(path);
      save();
    },
    forgetFolder(path) {
      record.folders = record.folders.filter((known) => known !== path);
      save();
    },
    noteContainers() {
      record.containers = true;
      save();
    },
    async close() {
      if (watcher.exitCode === null && watcher.signalCode === null) {
        const exited = once(watcher, 'exit');
        watcher.ref();
        watcher.stdin?.end();
        await exited;
      }
      // A watcher that was killed, or that failed, left work behind; after a good one this finds nothing.
      await cleanUp(folder);
    },
  };
}

/** In a session of its own, so that Ctrl-C in the terminal does not reach it; never keeps this process alive. */
function spawnWatcher(folder: string): ChildProcess {
  const source = new URL('./watcher.ts', import.meta.url);
  const program = import.meta.url.endsWith('.ts') ? source : new URL('./watcher.js', import.meta.url);
  const watcher = spawn(process.execPath, [fileURLToPath(program), folder], {
    cwd: '/',
    detached: true,
    env: watcherEnvironment(),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  (watcher.stdin as Socket).unref();
  // Its death breaks the pipe and ends the process; both are noticed in close().
  watcher.stdin?.on('error', () => undefined);
  watcher.on('error', () => undefined);
  return watcher;
}
