/** The thread of run-schedules.ts: runs the schedules it is given, one after the other. */
import { parentPort } from 'node:worker_threads';
import { runSchedule } from './run-schedule.ts';
import type { ThreadData } from './run-schedules.ts';

const port = parentPort;
if (port === null) throw new Error('run by run-schedules.ts');

let before: Promise<void> = Promise.resolve();
port.on('message', ({ seeds, chapters, shrink }: ThreadData) => {
  before = before.then(async () => {
    for (const seed of seeds) port.postMessage(await runSchedule({ seed, chapters, shrink }));
  });
});
