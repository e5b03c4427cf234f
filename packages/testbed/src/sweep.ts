// At every start: ends what earlier runs left whose watcher was killed as well.
import { readdirSync, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanUp } from './clean-up.ts';
import { eventually } from './eventually.ts';
import { RUN_PREFIX, readRecord, stateOf } from './run-record.ts';

/** A run folder without a record is one that is just being made, or one whose owner died in that moment. */
const RECORDLESS_FOR_MS = 10 * 60_000;
/** A run whose owner just died is being tidied up by its watcher; it may hold our data folder or ports. */
const ENDING_DEADLINE_MS = 15_000;

export async function sweep(progress: (line: string) => void): Promise<void> {
  for (const folder of runFolders()) {
    const state = stateOfRun(folder);
    if (state === 'ending') await untilEnded(folder);
    if (state !== 'abandoned') continue;
    progress(`tidying up after an earlier run in ${folder}`);
    await cleanUp(folder);
  }
}

/** Only real folders of this user: anybody may make names in the temporary folder. */
function runFolders(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(RUN_PREFIX))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => {
      const stat = lstatSync(folder, { throwIfNoEntry: false });
      return stat?.isDirectory() === true && (process.getuid === undefined || stat.uid === process.getuid());
    });
}

function stateOfRun(folder: string): ReturnType<typeof stateOf> {
  const record = readRecord(folder);
  if (record) return stateOf(record);
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat && Date.now() - stat.mtimeMs > RECORDLESS_FOR_MS ? 'abandoned' : 'alive';
}

async function untilEnded(folder: string): Promise<void> {
  const ended = () => {
    if (stateOfRun(folder) === 'ending') throw new Error(`${folder} is still being tidied up`);
  };
  await eventually(ended, { deadlineMs: ENDING_DEADLINE_MS });
}
