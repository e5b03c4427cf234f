import { performance } from 'node:perf_hooks';
import type { Logger } from '@morningai/service/logger';

type Log = (fields: object, message: string) => void;

/** What the simulated services log, with the virtual time at which they do. */
export function tracer(write: (line: string) => void): Logger {
  const log =
    (level: string): Log =>
    (fields, message) =>
      write(`${performance.now().toFixed(0).padStart(7)} ms  ${level.padEnd(5)} ${message} ${JSON.stringify(fields)}`);
  const nothing: Log = () => undefined;
  const levels = { debug: nothing, trace: nothing, info: log('info'), warn: log('warn'), error: log('error') };
  // Of pino's logger the dispatcher uses only these.
  return levels as unknown as Logger;
}
