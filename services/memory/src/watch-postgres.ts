/**
 * Tells whether Postgres answered recently: asked every `everyMs`, and with backoff while it does not answer. It has a
 * timer of its own, so that no request is needed to notice an outage or its end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { reason, withoutPassword, type Logger } from '@morningai/service/logger';
import { untilItWorks } from '@morningai/service/retry';

const EVERY_MS = 2_000;

export type PostgresWatch = {
  /** Throws if Postgres does not answer; is over in time whatever it does. */
  readonly ask: () => Promise<void>;
  readonly url: string;
  readonly logger: Logger;
  /** Told of every change; nothing is known before the first. */
  readonly onChange: (answers: boolean) => void;
};

/** Runs until the signal aborts. */
export async function watchPostgres({ ask, url, logger, onChange }: PostgresWatch, signal: AbortSignal): Promise<void> {
  const fields = { databaseUrl: withoutPassword(url) };
  const attempt = { logger, message: 'postgres does not answer, trying again', fields };
  try {
    for (;;) {
      await untilItWorks(attempt, signal, ask);
      logger.info(fields, 'postgres answers');
      onChange(true);
      const why = await untilItFails(ask, signal);
      logger.warn({ ...fields, why }, 'postgres went away');
      onChange(false);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @returns why the last answer did not come */
async function untilItFails(ask: () => Promise<void>, signal: AbortSignal): Promise<string> {
  for (;;) {
    await delay(EVERY_MS, undefined, { signal });
    try {
      await ask();
    } catch (error) {
      signal.throwIfAborted();
      return reason(error);
    }
  }
}
