/**
 * Which tasks have a ticket in Redis: a bounded number, so that Redis' memory does not grow with the backlog, and which of their tickets
 * seem to be lost. What the leader knows of this epoch, and nothing else: a new epoch begins with an empty window. Pure.
 */

export type WindowSize = {
  /** Tasks with a ticket, over all agents. */
  readonly most: number;
  /** Of an agent, whatever its slots: a burst need not wait to be measured. */
  readonly least: number;
};

export const WINDOW: WindowSize = { most: 20_000, least: 1_000 };
/** Slots are worth at least so many tickets each, for whoever finishes finds the next one there. */
const TICKETS_PER_SLOT = 4;
const DRAIN_SECONDS = 20;
/** A more urgent task may exceed the window by so much. */
export const URGENT_ALLOWANCE = 1.25;
const RATE_SPAN_MS = 1_000;
/** So many younger tickets were used before this one, or a younger one so long ago: it has vanished. */
const YOUNGER_MAX = 1_000;
const OVERTAKEN_MS = 5_000;

export type TicketedTask = { readonly taskId: string; readonly agent: string; readonly priority: number };

export type TicketWindow = {
  readonly size: number;
  sizeOf(agent: string): number;
  has(taskId: string): boolean;
  /** How many more tasks of this agent may get a ticket. @param slots of all workers that have the agent */
  room(agent: string, slots: number, urgent?: boolean): number;
  add(task: TicketedTask): void;
  /** The task was claimed or has moved on otherwise. */
  settled(taskId: string): void;
  /** Its ticket was used up, and it was not claimed: it waits on, and nothing was drained. */
  passedOver(taskId: string): void;
  /** Its ticket was not stored, or was of no use. @returns what it was; null: it had none */
  withdraw(taskId: string): TicketedTask | null;
  /** Takes out what seems to have lost its ticket: to be offered again. */
  takeLost(): TicketedTask[];
  /** Redis forgot, or another one leads. */
  clear(): void;
};

type Entry = TicketedTask & {
  /** Of its line: how many were used when this one was issued, and how many stood before it then. */
  readonly usedBefore: number;
  readonly ahead: number;
  overtakenAt: number | null;
};
/** The tickets of one agent and priority: they are used about in the order in which they were issued. */
type Line = { readonly entries: Map<string, Entry>; used: number };
type Rate = { size: number; drained: number; since: number; perSecond: number };

/** @param now a monotonic clock, ms */
export function createTicketWindow(now: () => number, { most, least }: WindowSize = WINDOW): TicketWindow {
  const lines = new Map<string, Line>();
  const lineOf = new Map<string, Line>();
  const rates = new Map<string, Rate>();

  const rateOf = (agent: string) => {
    const known = rates.get(agent) ?? { size: 0, drained: 0, since: now(), perSecond: 0 };
    rates.set(agent, known);
    const span = now() - known.since;
    if (span >= RATE_SPAN_MS) {
      known.perSecond = (known.drained * 1_000) / span;
      known.drained = 0;
      known.since = now();
    }
    return known;
  };

  const remove = (taskId: string) => {
    const line = lineOf.get(taskId);
    const entry = line?.entries.get(taskId);
    if (line === undefined || entry === undefined) return null;
    lineOf.delete(taskId);
    line.entries.delete(taskId);
    rateOf(entry.agent).size -= 1;
    return { line, entry };
  };

  const seemsLost = (line: Line, entry: Entry) => {
    const younger = line.used - entry.usedBefore - entry.ahead;
    if (younger <= 0) return false;
    entry.overtakenAt ??= now();
    return younger >= YOUNGER_MAX || now() - entry.overtakenAt >= OVERTAKEN_MS;
  };

  return {
    get size() {
      return lineOf.size;
    },
    sizeOf: (agent) => rates.get(agent)?.size ?? 0,
    has: (taskId) => lineOf.has(taskId),
    room(agent, slots, urgent = false) {
      const { size, perSecond } = rateOf(agent);
      const wanted = Math.max(least, TICKETS_PER_SLOT * slots, perSecond * DRAIN_SECONDS);
      const allowance = urgent ? URGENT_ALLOWANCE : 1;
      const own = Math.min(most, wanted) * allowance - size;
      const whole = most * allowance - lineOf.size;
      return Math.max(0, Math.floor(Math.min(own, whole)));
    },
    add(task) {
      remove(task.taskId);
      const key = `${task.agent}/${task.priority}`;
      const line = lines.get(key) ?? { entries: new Map<string, Entry>(), used: 0 };
      lines.set(key, line);
      line.entries.set(task.taskId, {
        ...task,
        usedBefore: line.used,
        ahead: line.entries.size,
        overtakenAt: null,
      });
      lineOf.set(task.taskId, line);
      rateOf(task.agent).size += 1;
    },
    settled(taskId) {
      const removed = remove(taskId);
      if (removed === null) return;
      removed.line.used += 1;
      rateOf(removed.entry.agent).drained += 1;
    },
    passedOver(taskId) {
      const removed = remove(taskId);
      if (removed !== null) removed.line.used += 1;
    },
    withdraw: (taskId) => remove(taskId)?.entry ?? null,
    takeLost() {
      const lost: Entry[] = [];
      for (const line of lines.values()) {
        for (const entry of line.entries.values()) {
          // In order of issue: behind the first that nobody has overtaken there is no other.
          if (line.used - entry.usedBefore - entry.ahead <= 0) break;
          if (seemsLost(line, entry)) lost.push(entry);
        }
      }
      return lost.map(({ taskId, agent, priority }) => {
        remove(taskId);
        return { taskId, agent, priority };
      });
    },
    clear() {
      lines.clear();
      lineOf.clear();
      for (const rate of rates.values()) rate.size = 0;
    },
  };
}
