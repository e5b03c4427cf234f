/**
 * A task's events as server-sent events. Each is sent once and in order; the id of each is its version, so a reader that
 * comes back says with Last-Event-ID where to go on. Ends after the outcome. While the orchestrator is away the stream
 * stays open and silent but for its heartbeats.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@morningai/core/errors';
import { isOutcome, type EventJson } from '../domain/event-json.ts';

export type EventPage = { readonly events: readonly EventJson[]; /** There are more. */ readonly isFull: boolean };

export const STREAM_LIMITS = {
  /** Reads per second, over all streams of this process. */
  readsPerSecond: 500,
  pollMs: 250,
  heartbeatMs: 10_000,
  /** What the browser waits before it comes back. */
  reconnectMs: 1_000,
} as const;

export type OpenStreams = {
  /** @throws AppError OVERLOADED */
  open(): Disposable;
  /** How long a stream waits between two reads, ms: longer the more streams there are. */
  pollMs(): number;
};

export function createOpenStreams(max: number): OpenStreams {
  let open = 0;
  return {
    open: () => {
      if (open >= max) throw new AppError('OVERLOADED', `${max} event streams are open; no more are allowed`);
      open += 1;
      let isOpen = true;
      return {
        [Symbol.dispose]: () => {
          if (isOpen) open -= 1;
          isOpen = false;
        },
      };
    },
    pollMs: () => Math.max(STREAM_LIMITS.pollMs, (open * 1_000) / STREAM_LIMITS.readsPerSecond),
  };
}

/**
 * @param first the page that is already there
 * @param read the events after a version; may throw, and is then asked again
 */
export async function* streamEvents(
  first: EventPage,
  after: number,
  read: (after: number) => Promise<EventPage>,
  pollMs: () => number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let page: EventPage = first;
  let seen = after;
  let spokeAt = performance.now();
  yield `retry: ${STREAM_LIMITS.reconnectMs}\n\n`;
  while (true) {
    if (page.events.length > 0) {
      yield page.events.map(asMessage).join('');
      spokeAt = performance.now();
    }
    const newest = page.events.at(-1);
    seen = newest?.version ?? seen;
    if (!page.isFull && newest !== undefined && isOutcome(newest)) return;
    if (!page.isFull) await delay(pollMs(), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    if (performance.now() - spokeAt >= STREAM_LIMITS.heartbeatMs) {
      yield ': still here\n\n';
      spokeAt = performance.now();
    }
    page = await read(seen).catch((): EventPage => ({ events: [], isFull: false }));
  }
}

/** JSON has no line breaks of its own, so one data line holds it. */
function asMessage(event: EventJson): string {
  return `id: ${event.version}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
