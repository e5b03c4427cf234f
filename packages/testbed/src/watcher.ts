// A program of its own, started by run.ts: waits until the process that opened the testbed is gone, then tidies up.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp } from './clean-up.ts';

const runFolder = process.argv[2];
if (!runFolder) throw new Error('usage: watcher <run folder>');

for (const ignored of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(ignored, () => undefined);

// Nothing is ever sent: the end of the stream is the message.
process.stdin.resume();
await new Promise((resolve) => process.stdin.once('close', resolve).once('error', resolve));

try {
  await cleanUp(runFolder);
} catch (error) {
  // Nobody reads our output any more; the folder stays, and the next run's sweep tries again.
  writeFileSync(join(runFolder, 'clean-up-failed.txt'), String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
}
