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

/** So many heartbeats without a word, and the jitter of one look. */
const SILENT_HEARTBEATS = 2.25;
const LOOKS_PER_HEARTBEAT = 4;
/** At the usual pace. */
export const SILENT_MS = SILENT_HEARTBEATS * DEFAULTS.heartbeatMs;

export type SilenceParts = {
  readonly roster: Roster<WorkSession>;
  readonly writer: TaskWriter;
  readonly logger: Logger;
  readonly heartbeatMs: number;
};

/** Runs until the signal aborts. */
export async function runSilence(
  { roster, writer, logger, heartbeatMs }: SilenceParts,
  signal: AbortSignal,
): Promise<void> {
  let lookedAt = performance.now();
  while (!signal.aborted) {
    // Who was frozen himself has heard nobody: what they said meanwhile is heard first.
    const frozen = performance.now() - lookedAt > 2 * heartbeatMs;
    lookedAt = performance.now();
    for (const session of roster.members) {
      if (performance.now() - session.heardAt <= SILENT_HEARTBEATS * heartbeatMs || frozen) {
        roster.wake(session, 'silent');
        continue;
      }
      roster.rest(session, 'silent');
      releaseUnbegun(writer, logger, session);
    }
    await delay(heartbeatMs / LOOKS_PER_HEARTBEAT, undefined, { signal }).catch(() => undefined);
  }
}
