/**
 * Brings due tasks to free slots. The queue lane is the everyday path: a committed task gets a ticket in Redis, and who takes the
 * ticket claims. The log lane picks due tasks straight from Postgres: while Redis is away, and whenever slots are free, tasks are due
 * and no ticket has come for a second, whatever Redis says. Both may run at once: the claim decides.
 */
import { performance } from 'node:perf_hooks';
import { dueTasks } from '@morningai/log/leases';
import type { Pool } from '@morningai/log/pool';
import type { Written } from '@morningai/log/task-writer';
import { openTickets, TASKS_PER_TICKET, type Tickets } from '@morningai/queue/tickets';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import type { Roster } from '../domain/roster.ts';
import { createTicketWindow } from '../domain/ticket-window.ts';
import type { Claims } from './claims.ts';
import type { WorkSession } from './work-session.ts';

const SWEEP_MS = 250;
/** Free slots, due tasks and no ticket for this long: the queue lane is not to be relied upon. */
const SILENCE_MS = 1_000;
/** Rows looked at beyond what already has a ticket. */
const SCAN_MARGIN = 200;

export type Dispatcher = {
  /** A task changed: after the commit. */
  changed(written: Written): void;
  /** A worker joined, or a slot may be free for another reason. */
  wake(): void;
  readonly lane: 'queue' | 'log';
  close(): Promise<void>;
};

export type DispatcherParts = {
  readonly pool: Pool;
  readonly redisUrl: string;
  readonly incarnation: string;
  readonly claims: Claims;
  readonly roster: Roster<WorkSession>;
  readonly logger: Logger;
};

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { pool, claims, roster, logger } = parts;
  const stop = new AbortController();
  const window = createTicketWindow(() => performance.now());
  const due = new Map<string, string[]>();
  const lastTicketAt = new Map<string, number>();
  let flushing = false;
  const waker = createWaker();

  const tickets: Tickets = openTickets({
    url: parts.redisUrl,
    prefix: `morningai-${parts.incarnation.slice(0, 8)}`,
    async handle(agent, taskIds) {
      lastTicketAt.set(agent, performance.now());
      await claims.take(agent, taskIds);
      lastTicketAt.set(agent, performance.now());
    },
    onChange(ready) {
      logger[ready ? 'info' : 'warn']({ lane: ready ? 'queue' : 'log' }, ready ? 'redis answers' : 'redis is away');
      // What Redis held may be gone: everything due is ticketed anew, and double tickets are refused by the claim.
      window.forget();
      waker.wake();
    },
    onError: (error) => logger.debug({ why: reason(error) }, 'redis client'),
  });

  const changed = (written: Written) => {
    window.settled(written.taskId);
    const newest = written.events.at(-1);
    if (newest === undefined || written.state.status !== 'queued') return;
    const isDue = newest.type === 'TaskSubmitted' ? newest.data.dueInMs === 0 : newest.type === 'AttemptReleased';
    // What is due later is found by the sweep.
    if (!isDue) return;
    const { agent } = written.state;
    const line = due.get(agent);
    if (line === undefined) due.set(agent, [written.taskId]);
    else line.push(written.taskId);
    flush();
  };

  const flush = () => {
    if (flushing) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      const batch = [...due];
      due.clear();
      for (const [agent, taskIds] of batch) void offer(agent, taskIds);
    });
  };

  const offer = async (agent: string, taskIds: readonly string[]) => {
    if (!tickets.ready) return waker.wake();
    const room = window.admit(agent, taskIds, roster.slotsOf(agent));
    if (room.length === 0) return;
    // Two tickets at least, so that two consumers share a small burst.
    const size = Math.min(TASKS_PER_TICKET, Math.ceil(room.length / 2));
    try {
      await tickets.offer(agent, chunks(room, size));
    } catch (error) {
      for (const taskId of room) window.settled(taskId);
      logger.warn({ agent, tasks: room.length, why: reason(error) }, 'tickets not offered');
    }
  };

  const sweepAgent = async (agent: string) => {
    tickets.consume(agent);
    const silentMs = performance.now() - (lastTicketAt.get(agent) ?? -Infinity);
    const free = roster.free(agent);
    if (free > 0 && (!tickets.ready || silentMs > SILENCE_MS)) {
      const picked = await dueTasks(pool, { agent, limit: free, dueForMs: tickets.ready ? SILENCE_MS : 0 });
      // Not awaited: each waits for its own commit, and the next agent must not wait for them.
      void claims.take(agent, picked);
    }
    if (!tickets.ready) return;
    const held = window.sizeOf(agent);
    const limit = held + SCAN_MARGIN;
    const known = await dueTasks(pool, { agent, limit });
    if (known.length < limit) window.retain(agent, known);
    await offer(
      agent,
      known.filter((taskId) => !claims.isTaking(taskId)),
    );
  };

  const sweep = async () => {
    while (!stop.signal.aborted) {
      for (const agent of roster.agents()) {
        await sweepAgent(agent).catch((error: unknown) => logger.warn({ agent, why: reason(error) }, 'sweep failed'));
      }
      await waker.sleep(SWEEP_MS, stop.signal);
    }
  };
  const sweeping = sweep();

  return {
    changed,
    wake: waker.wake,
    get lane() {
      return tickets.ready ? 'queue' : 'log';
    },
    async close() {
      stop.abort();
      await sweeping;
      await tickets.close();
    },
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
