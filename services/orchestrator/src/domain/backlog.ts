/**
 * How far the due tasks that found no room in the window have been read, line by line: a line is one agent, tenant and priority. Nothing
 * falls between a line that is read to its end and what became due meanwhile: that is told when the line is closed. Pure.
 */
import { LIMITS } from '@morningai/core/limits';

export type LineKey = { readonly agent: string; readonly tenant: string; readonly priority: number };
export type LineCursor = LineKey & { readonly afterDueAt: string; readonly afterId: string };

/** Lines that are read in one query; the others have their turn after them. */
const CURSORS_MAX = 200;
/** Tasks that became due in a line while it was read: one query takes milliseconds. Beyond that the line is read again. */
const MEANWHILE_MAX = 1_000;
const FRONT = { afterDueAt: '-infinity', afterId: '00000000-0000-0000-0000-000000000000' } as const;

type Line = LineCursor & {
  /** The tasks that became due since the line was handed out to be read; null: nobody reads it. */
  meanwhile: string[] | null;
  /** After its end it is to be read from the front again: a task that was passed already has no ticket. */
  again: boolean;
};

export type Backlog = {
  /** These have something queued: all of their lines are to be read. */
  openAll(queued: readonly Pick<LineKey, 'agent' | 'tenant'>[]): void;
  /** A due task of this line has no ticket, wherever it stands in it. */
  open(line: LineKey): void;
  /** True if older tasks of its line wait: this new one, the last of the line, is read in its turn. */
  hides(task: LineKey & { readonly taskId: string }): boolean;
  isOpen(agent: string): boolean;
  /** Where to read on: the lines of this agent in turns, but not of these tenants. Then tell `wasRead` of each. */
  cursors(agent: string, except?: readonly string[]): readonly LineCursor[];
  /**
   * The line was read up to this row (null: no further), `toEnd` if there are no more: then it is closed.
   * @returns the tasks that it hid while it was read, of which some may have come too late for the reader
   */
  wasRead(
    line: LineKey,
    upTo: { readonly dueAt: string; readonly taskId: string } | null,
    toEnd: boolean,
  ): readonly string[];
  /** Nothing is known of any line. */
  clear(): void;
};

export function createBacklog(): Backlog {
  const agents = new Map<string, Map<string, Line>>();

  const linesOf = (agent: string) => {
    const known = agents.get(agent);
    if (known !== undefined) return known;
    const lines = new Map<string, Line>();
    agents.set(agent, lines);
    return lines;
  };

  const open = ({ agent, tenant, priority }: LineKey) => {
    const lines = linesOf(agent);
    const line = lines.get(keyOf({ tenant, priority }));
    if (line !== undefined) line.again = true;
    else lines.set(keyOf({ tenant, priority }), fromFront({ agent, tenant, priority }));
  };

  return {
    openAll(queued) {
      for (const { agent, tenant } of queued) {
        for (let priority = 0; priority < LIMITS.priorities; priority += 1) open({ agent, tenant, priority });
      }
    },
    open,
    hides(task) {
      const line = agents.get(task.agent)?.get(keyOf(task));
      if (line === undefined) return false;
      if (line.meanwhile !== null && line.meanwhile.length < MEANWHILE_MAX) line.meanwhile.push(task.taskId);
      else if (line.meanwhile !== null) line.again = true;
      return true;
    },
    isOpen: (agent) => (agents.get(agent)?.size ?? 0) > 0,
    cursors(agent, except = []) {
      const lines = [...linesOf(agent).values()].filter(({ tenant }) => !except.includes(tenant));
      // All of the most urgent lines first; within a priority those that were read longest ago.
      const next = lines.toSorted((a, b) => a.priority - b.priority).slice(0, CURSORS_MAX);
      for (const line of next) line.meanwhile = [];
      return next;
    },
    wasRead(key, upTo, toEnd) {
      const lines = linesOf(key.agent);
      const line = lines.get(keyOf(key));
      if (line === undefined) return [];
      const { meanwhile, again } = line;
      line.meanwhile = null;
      if (upTo === null && !toEnd) return [];
      // Taken out and put back: the last in its turn.
      lines.delete(keyOf(key));
      if (!toEnd && upTo !== null) lines.set(keyOf(key), { ...line, afterDueAt: upTo.dueAt, afterId: upTo.taskId });
      if (toEnd && again) lines.set(keyOf(key), fromFront(line));
      return toEnd && !again ? (meanwhile ?? []) : [];
    },
    clear: () => agents.clear(),
  };
}

function fromFront({ agent, tenant, priority }: LineKey): Line {
  return { agent, tenant, priority, ...FRONT, meanwhile: null, again: false };
}

function keyOf({ tenant, priority }: Pick<LineKey, 'tenant' | 'priority'>): string {
  return `${priority}/${tenant}`;
}
