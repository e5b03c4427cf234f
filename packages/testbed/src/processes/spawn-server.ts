import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Program } from './program.ts';
import { SERVER_ENVIRONMENT, serviceUserFor } from './service-user.ts';

const LOG_LINES_SHOWN = 15;

/** Starts a server in its data folder, by which it and all its children are found again. Does not keep us alive. */
export function spawnServer(options: {
  program: Program;
  dataFolder: string;
  port: number;
  logFile: string;
}): ChildProcess {
  const { program, dataFolder } = options;
  const { prefix, ...ids } = serviceUserFor(dataFolder);
  const [file = program.file, ...args] = [...prefix, program.file, ...program.args(options)];
  const log = openSync(options.logFile, 'a');
  const server = spawn(file, args, {
    ...ids,
    cwd: dataFolder,
    // A process group of its own: Ctrl-C in the terminal reaches us, and then the watcher decides.
    detached: true,
    env: SERVER_ENVIRONMENT,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  server.unref();
  // Seen as a missing pid.
  server.once('error', () => undefined);
  return server;
}

export function lastLines(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
}
