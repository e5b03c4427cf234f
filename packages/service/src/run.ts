/** The life of a service's process: configuration, start, a signal, drain, end. */
import process from 'node:process';
import { asAppError } from '@morningai/core/errors';
import type { Logger } from './logger.ts';

/** What `main.ts` runs. Disposing drains: what was accepted is finished or handed back, then everything is closed. */
export type Service = AsyncDisposable;

const DRAIN_MS = 15_000;

/**
 * Runs until SIGTERM or SIGINT, or until the parent that started it over IPC is gone. A second signal ends at once.
 * @param create gets a signal that aborts when the process is told to stop, also while it is still starting
 */
export async function runService(logger: Logger, create: (signal: AbortSignal) => Promise<Service>): Promise<void> {
  const stop = new AbortController();
  const told = (why: string) => {
    if (stop.signal.aborted) process.exit(130);
    logger.info({ why }, 'stopping');
    stop.abort();
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => told(name));
  const orphaned = () => told('the parent is gone');
  if (process.connected) process.once('disconnect', orphaned);

  try {
    const service = await create(stop.signal);
    if (!stop.signal.aborted) {
      process.send?.({ ready: true });
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
    }
    const late = setTimeout(() => {
      logger.error({ drainMs: DRAIN_MS }, 'not drained in time');
      process.exit(1);
    }, DRAIN_MS);
    await service[Symbol.asyncDispose]();
    clearTimeout(late);
  } catch (error) {
    if (!stop.signal.aborted) {
      logger.error({ error }, 'could not start');
      process.exitCode = 1;
    }
  }
  logger.info('stopped');
  process.off('disconnect', orphaned);
  if (process.connected) process.disconnect();
}

/** Reads the configuration, or ends the process with a line per problem and exit code 2. */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${asAppError(error).message}\n`);
    process.exit(2);
  }
}
