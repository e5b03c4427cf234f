/**
 * The leader's work: due tasks get tickets, as many as the window holds. Newly due tasks are heard of from the log; what found no room waits in
 * Postgres and is read on from where the last page ended. Every 30 s it is read from the front, with what will be due until the next time,
 * so whatever was missed is found.
 *
 * When it dies, nothing is lost: the next leader begins an epoch, and fills it from Postgres.
 */
import { performance } from 'node:perf_hooks';
import { DEFAULTS, LIMITS } from '@morningai/core/limits';
import type { Pool } from '@morningai/log/pool';
import type { Written } from '@morningai/log/task-writer';
import { TASKS_PER_TICKET, type Offer } from '@morningai/queue/offers';
import type { TicketQueue } from '@morningai/queue/ticket-queue';
import { reason, type Logger } from '@morningai/service/logger';
import { createWaker } from '@morningai/service/waker';
import { backlogPage } from '../domain/backlog-page.ts';
import { createBacklog } from '../domain/backlog.ts';
import { createDueLater, DUE_LATER_MAX } from '../domain/due-later.ts';
import type { HeldBack, Limited } from '../domain/held-back.ts';
import { createTicketWindow, type TicketedTask, type WindowSize } from '../domain/ticket-window.ts';
import type { TaskChange } from '../store/follow-tasks.ts';
import { dueBacklog, dueSoon, queuedAmong, queuedLines } from '../store/queued-tasks.ts';
import { startLogFollower } from './log-follower.ts';
import type { QueueLane } from './queue-lane.ts';

const TICK_MS = 250;
const RESCAN_MS = 30_000;
/** What is due later than the next look from the front is found by it. */
const SOON_MS = RESCAN_MS + 5_000;
/** Agents and tenants whose backlogs are read in turns. */
const LINES_MAX = 10_000;
/** Newly due tasks that wait for the next offer; beyond that they are left in the backlog. */
const FRESH_MAX = 5_000;
const LOOKUP_MAX = 5_000;

export type TopUp = {
  wrote(written: Written): void;
  /** A limit refused its claim: its ticket is used up, and its turn comes again. */
  limited(task: Limited): void;
  /** It was passed over or held back, and is to be offered again. */
  released(taskId: string): void;
  /** True if a due task of this agent waits that has no ticket, or has one that nobody took yet. */
  hasWaiting(agent: string): boolean;
  readonly ticketed: number;
  /** The epoch, or the leader, has changed; or slots have. */
  wake(): void;
  close(): Promise<void>;
};

export type TopUpParts = {
  readonly pool: Pool;
  readonly queue: TicketQueue;
  readonly lane: () => QueueLane;
  /** Slots of all workers, of all orchestrators, per agent. */
  readonly slots: () => ReadonlyMap<string, number>;
  readonly isTaking: (taskId: string) => boolean;
  readonly heldBack: HeldBack;
  readonly size: WindowSize;
  readonly logger: Logger;
};

export function startTopUp(parts: TopUpParts): TopUp {
  const { pool, queue, heldBack, logger } = parts;
  const stop = new AbortController();
  const waker = createWaker();
  const window = createTicketWindow(() => performance.now(), parts.size);
  const backlog = createBacklog();
  const later = createDueLater(SOON_MS);
  /** Newly due, by agent. */
  const fresh = new Map<string, Map<string, DueTask>>();
  /** Queued again by others or by a retry: where they stand is asked. */
  const lookups = new Set<string>();
  let filledEpoch: number | null = null;
  let scannedAt = -Infinity;
  const backlogReadAt = new Map<string, number>();

  const follower = startLogFollower({
    pool,
    logger,
    onWritten: (written) => {
      const newest = written.events.at(-1);
      if (newest === undefined) return;
      const { taskId, state } = written;
      if (state.status !== 'queued') return moved(taskId);
      if (newest.type !== 'TaskSubmitted') return lookUp(taskId);
      if (newest.data.dueInMs > 0) return later.add(taskId, newest.data.dueInMs, performance.now());
      const task = { taskId, agent: state.agent, tenant: written.tenant, priority: newest.data.priority };
      // Older ones of its line wait still: it is read in its turn.
      if (!parts.isTaking(taskId) && !backlog.hides(task)) becameDue(task);
    },
    onChanges: (changes) => changes.forEach(heard),
  });

  const heard = ({ taskId, type }: TaskChange) => {
    if (taskId === null) return;
    if (QUEUES.has(type)) lookUp(taskId);
    else if (MOVES.has(type)) moved(taskId);
  };

  const moved = (taskId: string) => {
    forget(taskId);
    window.settled(taskId);
  };

  const forget = (taskId: string) => {
    for (const tasks of fresh.values()) tasks.delete(taskId);
    lookups.delete(taskId);
  };

  const lookUp = (taskId: string) => {
    forget(taskId);
    window.passedOver(taskId);
    if (lookups.size < LOOKUP_MAX) lookups.add(taskId);
    else scannedAt = -Infinity;
    waker.wake();
  };

  const becameDue = (task: DueTask) => {
    if (window.has(task.taskId)) return;
    const tasks = fresh.get(task.agent) ?? new Map<string, DueTask>();
    fresh.set(task.agent, tasks);
    // Nobody has the agent, or there are too many: they stay where they are, in Postgres.
    if (tasks.size >= FRESH_MAX || !parts.slots().has(task.agent)) return backlog.open(task);
    tasks.set(task.taskId, task);
    waker.wake();
  };

  const answerLookups = async () => {
    for (const taskId of later.takeDue(performance.now())) lookups.add(taskId);
    if (lookups.size === 0) return;
    const wanted = [...lookups].slice(0, LIMITS.tasksPerSubmit);
    // Before the question: what is queued again while it is answered is asked for once more.
    for (const taskId of wanted) lookups.delete(taskId);
    const found = await queuedAmong(pool, wanted);
    for (const task of found) {
      if (task.dueInMs > 0) later.add(task.taskId, task.dueInMs, performance.now());
      else if (!parts.isTaking(task.taskId)) becameDue(task);
    }
    if (lookups.size > 0) waker.wake();
  };

  /** From the front, all lines: at the beginning of an epoch and now and then. */
  const scan = async () => {
    // Before the look: what becomes due from here on is heard of.
    backlog.clear();
    later.clear();
    const lines = await queuedLines(pool, LINES_MAX);
    backlog.openAll(lines);
    const soon = await dueSoon(pool, lines, { withinMs: SOON_MS, limit: DUE_LATER_MAX });
    for (const task of soon) later.add(task.taskId, task.dueInMs, performance.now());
    scannedAt = performance.now();
  };

  const fill = async (epoch: number) => {
    window.clear();
    fresh.clear();
    lookups.clear();
    // First the follower, then the scan: what is recorded between the two is heard of.
    await follower.begin();
    await scan();
    filledEpoch = epoch;
  };

  /** @returns false: no room, in the window or under the tenant's limit */
  const admit = (task: DueTask, slots: number, chosen: TicketedTask[]): boolean => {
    if (window.has(task.taskId) || parts.isTaking(task.taskId) || heldBack.isHeld(task.taskId)) return true;
    if (window.room(task.agent, slots, task.priority < DEFAULTS.priority) === 0) return false;
    if (!heldBack.mayOffer(task.agent, task.tenant)) return false;
    window.add(task);
    chosen.push(task);
    return true;
  };

  const readBacklog = async (agent: string, slots: number, chosen: TicketedTask[]) => {
    const sinceMs = performance.now() - (backlogReadAt.get(agent) ?? -Infinity);
    const page = backlogPage({ room: window.room(agent, slots), size: window.sizeOf(agent) }, sinceMs);
    if (page === 0) return;
    const cursors = backlog.cursors(agent, heldBack.tenants(agent));
    if (cursors.length === 0) return;
    backlogReadAt.set(agent, performance.now());
    // What a limit would refuse need not be read.
    const credit = Math.max(...cursors.map(({ tenant }) => heldBack.credit(agent, tenant)));
    const each = Math.min(Math.max(1, Math.floor(page / cursors.length)), credit);
    const rows = Map.groupBy(await dueBacklog(pool, agent, cursors, each), lineOf);
    for (const cursor of cursors) {
      const line = rows.get(lineOf(cursor)) ?? [];
      const refused = line.findIndex((task) => !admit({ ...task, agent }, slots, chosen));
      const passed = refused < 0 ? line.at(-1) : line[refused - 1];
      const meanwhile = backlog.wasRead(cursor, passed ?? null, refused < 0 && line.length < each);
      for (const taskId of meanwhile) lookups.add(taskId);
    }
    if (backlog.isOpen(agent) || lookups.size > 0) waker.wake();
  };

  const pump = async (epoch: number, agent: string, slots: number) => {
    const chosen: TicketedTask[] = [];
    for (const task of fresh.get(agent)?.values() ?? []) if (!admit(task, slots, chosen)) backlog.open(task);
    fresh.delete(agent);
    await readBacklog(agent, slots, chosen);
    if (chosen.length === 0) return;
    try {
      await queue.offer(epoch, agent, offersOf(chosen));
    } catch (error) {
      // Some may be stored: double tickets are refused by the claim, and those that are not are found by the next look from the front.
      for (const { taskId } of chosen) window.withdraw(taskId);
      scannedAt = -Infinity;
      parts.lane().suspect(error);
      logger.warn({ agent, tasks: chosen.length, why: reason(error) }, 'tickets not offered');
    }
  };

  const turn = async () => {
    const { epoch, term } = parts.lane();
    if (epoch !== null && epoch !== filledEpoch) {
      follower.end();
      filledEpoch = null;
    }
    // While the lane is closed the epoch may still go on: a connection that broke is no reason to give all its tickets out twice.
    if (epoch === null || term === null) return;
    if (filledEpoch === null) await fill(epoch);
    else if (performance.now() - scannedAt > RESCAN_MS) await scan();
    const lost = window.takeLost();
    if (lost.length > 0) logger.warn({ tasks: lost.length }, 'tickets vanished: offered again');
    for (const { taskId } of lost) lookups.add(taskId);
    await answerLookups();
    for (const [agent, slots] of parts.slots()) {
      if (parts.lane().epoch !== epoch) return;
      if (slots > 0) await pump(epoch, agent, slots);
    }
  };

  const run = async () => {
    while (!stop.signal.aborted) {
      await turn().catch((error: unknown) => {
        scannedAt = -Infinity;
        logger.warn({ why: reason(error) }, 'tickets not topped up');
      });
      await waker.sleep(TICK_MS, stop.signal);
    }
  };
  const running = run();

  return {
    wrote: follower.wrote,
    limited({ taskId, tenant, concurrencyKey }) {
      const ticketed = window.withdraw(taskId);
      if (ticketed !== null && concurrencyKey === null) backlog.open({ ...ticketed, tenant });
    },
    released: lookUp,
    hasWaiting: (agent) => window.sizeOf(agent) > 0 || backlog.isOpen(agent),
    get ticketed() {
      return window.size;
    },
    wake: waker.wake,
    async close() {
      stop.abort();
      await Promise.all([running, follower.close()]);
    },
  };
}

/** After these a task is queued, now or later. */
const QUEUES: ReadonlySet<string> = new Set([
  'TaskSubmitted',
  'AttemptReleased',
  'AttemptFailed',
  'AttemptExpired',
  'TaskRetried',
]);
/** After these it is no longer. */
const MOVES: ReadonlySet<string> = new Set([
  'AttemptStarted',
  'TaskCompleted',
  'TaskFailed',
  'TaskCancelled',
  'TaskWaiting',
]);

type DueTask = TicketedTask & { readonly tenant: string };

function lineOf({ tenant, priority }: { tenant: string; priority: number }): string {
  return `${priority}/${tenant}`;
}

/** Tickets name tasks of one priority each: one task when there is little, so that it starts at once; up to fifty under load. */
function offersOf(tasks: readonly TicketedTask[]): Offer[] {
  const size = Math.min(TASKS_PER_TICKET, Math.ceil(tasks.length / 2));
  return [...Map.groupBy(tasks, (task) => task.priority)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([priority, same]) =>
      chunks(same, size).map((some) => ({ priority, tasks: some.map(({ taskId }) => taskId) })),
    );
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
