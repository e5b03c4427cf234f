/**
 * A worker that is connected and says nothing gets nothing new, and what it was assigned and has not begun is given to others. Judged by what
 * is heard, not by the socket: a frozen process keeps its sockets open.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULTS } from '@morningai/core/limits';
import type { TaskWriter } from '@morningai/log/task-writer';
import type { Logger } from '@morningai/service/logger';
import type { Roster } from '../domain/roster.ts';
import { releaseUnbegun } from './release.ts';
import type { WorkSession } from './work-session.ts';

/** Two heartbeats, and the jitter of one look. */
export const SILENT_MS = 2 * DEFAULTS.heartbeatMs + 500;
const LOOK_MS = 500;

export type SilenceParts = {
  readonly roster: Roster<WorkSession>;
  readonly writer: TaskWriter;
  readonly logger: Logger;
};

/** Runs until the signal aborts. */
export async function runSilence({ roster, writer, logger }: SilenceParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const session of roster.members) {
      if (performance.now() - session.heardAt <= SILENT_MS) {
        roster.wake(session, 'silent');
        continue;
      }
      roster.rest(session, 'silent');
      releaseUnbegun(writer, logger, session);
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
