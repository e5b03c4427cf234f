/** The thread of run-schedules.ts: runs the schedule it is given, and tells how it ended. */
import { parentPort } from 'node:worker_threads';
import { runSchedule } from './run-schedule.ts';
import type { ThreadData } from './run-schedules.ts';

const port = parentPort;
if (port === null) throw new Error('run by run-schedules.ts');

port.on('message', (wanted: ThreadData) => {
  // What it throws ends the thread, and is told there.
  void runSchedule(wanted).then((outcome) => port.postMessage(outcome));
});
