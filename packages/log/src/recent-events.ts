/**
 * What this process has just written, so that the one who follows the log need not read it back. Positions are dense: he takes from here
 * while they join on, and reads what is missing.
 */
import type { LogEvent } from './read.ts';

export type RecentEvents = {
  add(events: readonly LogEvent[]): void;
  /** The events right behind a position, as far as they are here without a hole; they and all before them are forgotten. */
  takeAfter(position: number, limit: number): LogEvent[];
};

export type RecentEventsLimits = { readonly events: number; readonly textLength: number };

/** Beyond them nothing new is kept: the follower is far behind, and reads. `textLength` in UTF-16 units of data. */
export const RECENT_EVENTS: RecentEventsLimits = { events: 10_000, textLength: 16 * 1024 * 1024 };

export function createRecentEvents(limits = RECENT_EVENTS): RecentEvents {
  const held = new Map<number, LogEvent>();
  let taken = 0;
  let textLength = 0;

  const forget = (event: LogEvent) => {
    held.delete(event.position);
    textLength -= event.dataText.length;
  };

  return {
    add(events) {
      for (const event of events) {
        if (event.position <= taken || held.size >= limits.events || textLength >= limits.textLength) continue;
        held.set(event.position, event);
        textLength += event.dataText.length;
      }
    },
    takeAfter(position, limit) {
      const joined: LogEvent[] = [];
      taken = position;
      for (
        let event = held.get(position + 1);
        event !== undefined && joined.length < limit;
        event = held.get(taken + 1)
      ) {
        joined.push(event);
        forget(event);
        taken = event.position;
      }
      if (joined.length === 0) for (const event of held.values()) if (event.position <= position) forget(event);
      return joined;
    },
  };
}
