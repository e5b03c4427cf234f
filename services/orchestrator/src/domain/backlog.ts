/**
 * How far the due tasks that found no room in the window have been read, line by line: a line is one agent, tenant and priority. Pure.
 */
import { LIMITS } from '@morningai/core/limits';

export type LineKey = { readonly agent: string; readonly tenant: string; readonly priority: number };
export type LineCursor = LineKey & { readonly afterDueAt: string; readonly afterId: string };

/** Lines that are read in one query; the others have their turn after them. */
const CURSORS_MAX = 200;
const FRONT = { afterDueAt: '-infinity', afterId: '00000000-0000-0000-0000-000000000000' } as const;

export type Backlog = {
  /** These have something queued: all of their lines are read from the front. */
  rewind(lines: readonly Pick<LineKey, 'agent' | 'tenant'>[]): void;
  /** A due task of this line has no ticket. */
  open(line: LineKey): void;
  /** True if older tasks of the line wait: a new one is read in its turn. */
  hides(line: LineKey): boolean;
  isOpen(agent: string): boolean;
  /** Where to read on: the lines of this agent in turns, but not of these tenants. */
  cursors(agent: string, except?: readonly string[]): readonly LineCursor[];
  /** The line was read up to this row; null: to its end, it is closed. */
  advance(line: LineKey, to: { readonly dueAt: string; readonly taskId: string } | null): void;
};

export function createBacklog(): Backlog {
  const agents = new Map<string, Map<string, LineCursor>>();

  const linesOf = (agent: string) => {
    const known = agents.get(agent);
    if (known !== undefined) return known;
    const lines = new Map<string, LineCursor>();
    agents.set(agent, lines);
    return lines;
  };

  return {
    rewind(lines) {
      agents.clear();
      for (const { agent, tenant } of lines) {
        for (let priority = 0; priority < LIMITS.priorities; priority += 1) {
          linesOf(agent).set(keyOf({ tenant, priority }), { agent, tenant, priority, ...FRONT });
        }
      }
    },
    open(line) {
      const lines = linesOf(line.agent);
      const key = keyOf(line);
      if (!lines.has(key))
        lines.set(key, { agent: line.agent, tenant: line.tenant, priority: line.priority, ...FRONT });
    },
    hides: (line) => agents.get(line.agent)?.has(keyOf(line)) ?? false,
    isOpen: (agent) => (agents.get(agent)?.size ?? 0) > 0,
    cursors(agent, except = []) {
      const lines = [...linesOf(agent).values()].filter(({ tenant }) => !except.includes(tenant));
      // All of the most urgent lines first; within a priority those that were read longest ago.
      return lines.toSorted((a, b) => a.priority - b.priority).slice(0, CURSORS_MAX);
    },
    advance(line, to) {
      const lines = linesOf(line.agent);
      const key = keyOf(line);
      // Taken out and put back: the last in its turn.
      lines.delete(key);
      if (to === null) return;
      const { agent, tenant, priority } = line;
      lines.set(key, { agent, tenant, priority, afterDueAt: to.dueAt, afterId: to.taskId });
    },
  };
}

function keyOf({ tenant, priority }: Pick<LineKey, 'tenant' | 'priority'>): string {
  return `${priority}/${tenant}`;
}
