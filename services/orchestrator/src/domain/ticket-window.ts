/**
 * Which tasks have a ticket in Redis: a bounded number, so that Redis' memory does not grow with the backlog. Per agent, what was
 * drained in the last seconds and at least four times its slots. A ticket that was not used for long is taken to be lost.
 */
export const WINDOW_MAX = 20_000;
const DRAIN_SECONDS = 20;
const LOST_AFTER_MS = 30_000;
const RATE_SPAN_MS = 1_000;

export type TicketWindow = {
  /** Of these tasks, those that may get a ticket now: they count as ticketed. */
  admit(agent: string, taskIds: readonly string[], slots: number): string[];
  /** The task moved on, or its ticket was not stored. */
  settled(taskId: string): void;
  /** These are all of the agent's due tasks: whatever else had a ticket has moved on elsewhere. */
  retain(agent: string, taskIds: readonly string[]): void;
  sizeOf(agent: string): number;
  /** Redis forgot, or may have. */
  forget(): void;
};

type AgentWindow = { size: number; drained: number; since: number; perSecond: number };

export function createTicketWindow(now: () => number): TicketWindow {
  const ticketed = new Map<string, { agent: string; at: number }>();
  const windows = new Map<string, AgentWindow>();

  const windowOf = (agent: string) => {
    const known = windows.get(agent) ?? { size: 0, drained: 0, since: now(), perSecond: 0 };
    windows.set(agent, known);
    const span = now() - known.since;
    if (span >= RATE_SPAN_MS) {
      known.perSecond = (known.drained * 1_000) / span;
      known.drained = 0;
      known.since = now();
    }
    return known;
  };

  return {
    admit(agent, taskIds, slots) {
      const window = windowOf(agent);
      const limit = Math.min(WINDOW_MAX, Math.max(4 * slots, 1_000, window.perSecond * DRAIN_SECONDS));
      const admitted: string[] = [];
      for (const taskId of taskIds) {
        const earlier = ticketed.get(taskId);
        if (earlier !== undefined && now() - earlier.at < LOST_AFTER_MS) continue;
        if (earlier === undefined) {
          if (window.size >= limit) break;
          window.size += 1;
        }
        ticketed.set(taskId, { agent, at: now() });
        admitted.push(taskId);
      }
      return admitted;
    },
    settled(taskId) {
      const entry = ticketed.get(taskId);
      if (entry === undefined) return;
      ticketed.delete(taskId);
      const window = windowOf(entry.agent);
      window.size -= 1;
      window.drained += 1;
    },
    retain(agent, taskIds) {
      const due = new Set(taskIds);
      const window = windowOf(agent);
      for (const [taskId, entry] of ticketed) {
        if (entry.agent !== agent || due.has(taskId)) continue;
        ticketed.delete(taskId);
        window.size -= 1;
      }
    },
    sizeOf: (agent) => windows.get(agent)?.size ?? 0,
    forget() {
      ticketed.clear();
      for (const window of windows.values()) window.size = 0;
    },
  };
}
