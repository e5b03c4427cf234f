// Ends everything a run has made. Called by the watcher when its run is over, and by the sweep for runs that lost theirs.
import { eventually } from './eventually.ts';
import { isAlive, signal } from './process-table.ts';
import { killTree, membersOf, thawTree } from './process-tree.ts';
import { releaseSharedMemory } from './processes/shared-memory.ts';
import { removeFolder } from './remove-folder.ts';
import { type ProgramRecord, readRecord } from './run-record.ts';

const QUIT_DEADLINE_MS = 3_000;

/** May be called twice, also at the same time. */
export async function cleanUp(runFolder: string): Promise<void> {
  const record = readRecord(runFolder);
  await Promise.all((record?.programs ?? []).map(endProgram));
  if (record?.containers) {
    const { removeContainersOf } = await import('./containers/remove.ts');
    await removeContainersOf(record.id);
  }
  for (const folder of record?.folders ?? []) await removeFolder(folder);
  await killTree({ folder: runFolder });
  await removeFolder(runFolder);
}

async function endProgram(program: ProgramRecord): Promise<void> {
  if (program.quitSignal && program.leader && isAlive(program.leader)) {
    thawTree(program);
    signal(program.leader.pid, program.quitSignal);
    const gone = () => {
      if (membersOf(program).length > 0) throw new Error('still ending');
    };
    // Too slow is no failure: what is left is killed next.
    await eventually(gone, { deadlineMs: QUIT_DEADLINE_MS, everyMs: 10 }).catch(() => undefined);
  }
  await killTree(program);
  releaseSharedMemory(program.folder);
}
