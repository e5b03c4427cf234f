/**
 * Postgres as its clients meet it: each statement of the shipped code is answered by name, at one moment between its request and its
 * answer. It may be away (refused), frozen (what was sent is done when it thaws, long after its client gave up), slow with its answers, or
 * lose them: then what was asked is done, and nobody knows. A statement that nobody wrote here stops the simulation.
 */
import type { Pool, Statement } from '@morningai/log/pool';
import { EPOCH_MS, type Host, type VirtualTime } from '../virtual-time.ts';
import { createLogTables, type Accepted, type LogTables, type TaskRow } from './log-tables.ts';

/** As POSTGRES_TIMEOUTS.queryMs has it. */
const QUERY_MS = 4_000;
const TENANTS_AT_ONCE = 1_000;
const SLOW_MS = 1_200;

export type PostgresMode = 'up' | 'slow' | 'away' | 'frozen' | 'loses answers';

export type VirtualPostgres = {
  readonly mode: PostgresMode;
  readonly tables: LogTables;
  readonly leader: { readonly term: number; readonly holder: string; readonly untilMs: number } | null;
  become(mode: PostgresMode): void;
  /** For this process only: something is between the two. Null: nothing is. */
  becomeFor(host: Host, mode: PostgresMode | null): void;
  pool(host: Host): Pool;
};

type Orchestrator = { readonly slots: unknown; readonly seenAtMs: number };

export type PostgresParts = {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly onAccepted: (accepted: Accepted) => void;
};

export function createVirtualPostgres({ time, random, onAccepted }: PostgresParts): VirtualPostgres {
  const tables = createLogTables(EPOCH_MS, onAccepted);
  const { tasks, leases, events } = tables;
  const orchestrators = new Map<string, Orchestrator>();
  const waiting: { readonly host: Host; readonly run: () => void }[] = [];
  const between = new Map<Host, PostgresMode>();
  let mode: PostgresMode = 'up';
  let leader: VirtualPostgres['leader'] = null;

  const queued = (agent?: string) =>
    [...tasks.values()]
      .filter((task) => task.status === 'queued' && (agent === undefined || task.agent === agent))
      .toSorted((a, b) => (a.wakeAtMs ?? 0) - (b.wakeAtMs ?? 0) || (a.id < b.id ? -1 : 1));
  const isDue = (task: TaskRow, forMs = 0) => (task.wakeAtMs ?? Infinity) <= time.now - forMs;
  const running = (agents: readonly string[], limit: number, isWanted: (task: TaskRow) => boolean) =>
    [...tasks.values()]
      .filter((task) => task.status === 'running' && agents.includes(task.agent) && isWanted(task))
      .slice(0, limit);
  const attemptOf = ({ id, fence, tenant, agent, state }: TaskRow) => {
    return { taskId: id, fence, tenant, agent, failures: state.status === 'none' ? 0 : state.failures };
  };
  const hasLease = (task: TaskRow) => leases.get(task.id)?.fence === task.fence;
  const byId = (ids: readonly string[]) => ids.flatMap((id) => tasks.get(id) ?? []);
  const eventAt = (position: number) => events[position - 1];
  const inputOf = (task: TaskRow) =>
    JSON.stringify((JSON.parse(eventAt(task.submittedPosition)?.dataText ?? '{}') as { input?: unknown }).input);

  /** The statements that the simulated part of the system sends, by name. */
  const statements: Readonly<Record<string, (...values: never[]) => readonly object[]>> = {
    append: (...values: unknown[]) => [tables.append(values, time.now)],
    head: () => [{ incarnation: 'a5a5a5a5-0000-4000-8000-000000000000', head: events.length }],
    dispatch_version: (stream: string) => [{ version: tables.versionOf(stream) }],
    load_tasks: (ids: string[]) => byId(ids).map(({ id, tenant, version, state }) => ({ id, tenant, version, state })),
    missing_tasks: (ids: string[]) => ids.filter((id) => !tasks.has(id)).map((id) => ({ id })),
    fold_streams: (streams: string[], after: number) =>
      streams.flatMap((stream, index) =>
        events
          .filter((event) => event.stream === stream && event.version > (index === 0 ? after : 0))
          .map(({ dataText, recordedAtMs, ...event }) => ({
            no: index + 1,
            ...event,
            data: JSON.parse(dataText) as unknown,
            recordedAt: (EPOCH_MS + recordedAtMs) * 1_000,
          })),
      ),
    mend_tasks: (wanted: string) => {
      const { versions } = JSON.parse(wanted) as { versions: { id: string; version: number }[] };
      return [
        {
          settled: versions.filter(({ id, version }) => (tasks.get(id)?.version ?? 0) === version).map(({ id }) => id),
        },
      ];
    },
    find_submission: (tenant: string, key: string, digest: string) => {
      const found = tables.submissions.get(JSON.stringify([tenant, key]));
      return found?.requestDigest === digest ? [{ taskId: found.taskId }] : [];
    },
    get_tasks: (tenant: string, ids: string[]) =>
      byId(ids)
        .filter((task) => task.tenant === tenant)
        .map((task) => ({
          ...task,
          createdAt: new Date(EPOCH_MS + task.createdAtMs),
          updatedAt: new Date(EPOCH_MS + task.updatedAtMs),
          startedAt: null,
          finishedAt: null,
          expiresAt: null,
          dueAt: new Date(EPOCH_MS + (task.wakeAtMs ?? 0)),
          inputJson: inputOf(task),
          outputJson: null,
        })),
    read_assignments: (ids: string[]) =>
      byId(ids).map((task) => ({
        taskId: task.id,
        tenant: task.tenant,
        inputJson: inputOf(task),
        labels: task.labels ?? {},
      })),
    read_held: (ids: string[], worker: string) =>
      byId(ids)
        .filter(({ state }) => state.status === 'running' && state.worker === worker)
        .map(({ id, fence, agent, state }) => {
          return { taskId: id, fence, agent, failures: state.status === 'none' ? 0 : state.failures };
        }),

    due_tasks: (agent: string, limit: number, dueForMs: number, offset: number, except: string[], after: string) => {
      const all = queued(agent);
      const tenants = [...new Set(all.map((task) => task.tenant))]
        .toSorted()
        .filter((tenant) => tenant > after)
        .slice(0, TENANTS_AT_ONCE);
      const walkedTo = tenants.length === TENANTS_AT_ONCE ? tenants.at(-1) : null;
      const turns = new Map<string, number>();
      const due = all
        .filter((task) => tenants.includes(task.tenant) && !except.includes(task.tenant) && isDue(task, dueForMs))
        .map((task) => {
          const line = `${task.priority}/${task.tenant}`;
          const turn = (turns.get(line) ?? 0) + 1;
          turns.set(line, turn);
          return { task, turn };
        })
        .filter(({ turn }) => turn <= limit + offset)
        .toSorted((a, b) => a.task.priority - b.task.priority || a.turn - b.turn)
        .slice(offset, offset + limit);
      if (due.length === 0) return [{ taskId: null, tenant: null, walkedTo }];
      return due.map(({ task }) => ({ taskId: task.id, tenant: task.tenant, walkedTo }));
    },
    queued_lines: (limit: number) => {
      const lines = new Map(queued().map(({ agent, tenant }) => [`${agent}/${tenant}`, { agent, tenant }]));
      return [...lines.entries()]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, line]) => line)
        .slice(0, limit);
    },
    queued_among: (ids: string[]) =>
      byId(ids)
        .filter((task) => task.status === 'queued')
        .map(({ id, agent, tenant, priority, wakeAtMs }) => {
          return { taskId: id, agent, tenant, priority, dueInMs: (wakeAtMs ?? 0) - time.now };
        }),
    due_soon: (agents: string[], tenants: string[], withinMs: number, limit: number) =>
      agents
        .flatMap((agent, index) =>
          queued(agent).filter((task) => task.tenant === tenants[index] && !isDue(task) && isDue(task, -withinMs)),
        )
        .slice(0, limit)
        .map((task) => ({ taskId: task.id, dueInMs: (task.wakeAtMs ?? 0) - time.now })),
    due_backlog: (
      agent: string,
      tenants: string[],
      priorities: number[],
      afterDueAt: string[],
      afterId: string[],
      limit: number,
    ) => {
      const all = queued(agent).filter((task) => isDue(task));
      return tenants
        .flatMap((tenant, line) => {
          const at = afterDueAt[line] === '-infinity' ? -Infinity : Number(afterDueAt[line]);
          return all
            .filter((task) => task.tenant === tenant && task.priority === priorities[line])
            .filter(
              ({ wakeAtMs, id }) => (wakeAtMs ?? 0) > at || ((wakeAtMs ?? 0) === at && id > (afterId[line] ?? '')),
            )
            .slice(0, limit);
        })
        .toSorted((a, b) => a.priority - b.priority || (a.wakeAtMs ?? 0) - (b.wakeAtMs ?? 0))
        .map(({ id, tenant, priority, wakeAtMs }) => ({ taskId: id, tenant, priority, dueAt: String(wakeAtMs) }));
    },
    follow_tasks: (after: number, limit: number) =>
      events.slice(after, after + limit).map(({ position, stream, type }) => {
        return { position, taskId: stream.startsWith('task/') ? stream.slice(5) : null, type };
      }),

    renew_leases: (ids: string[], fences: number[], ms: number[]) =>
      ids.flatMap((id, index) => {
        const task = tasks.get(id);
        const fence = fences[index] ?? 0;
        if (task?.status !== 'running' || task.fence !== fence) return [];
        const until = time.now + (ms[index] ?? 0);
        const lease = leases.get(id);
        if (lease !== undefined && lease.fence > fence) return [];
        leases.set(id, { fence, untilMs: lease?.fence === fence ? Math.max(lease.untilMs, until) : until });
        const { state } = task;
        const reason = state.status === 'running' ? state.cancelReason : undefined;
        const cancel = reason === undefined ? null : { reason, graceMs: Math.max(0, (task.wakeAtMs ?? 0) - time.now) };
        return [{ taskId: id, fence, cancel }];
      }),
    expired_attempts: (agents: string[], limit: number) =>
      running(agents, limit, (task) => {
        const lease = leases.get(task.id);
        return isDue(task) && !(lease?.fence === task.fence && lease.untilMs > time.now);
      }).map((task) => ({ ...attemptOf(task), begun: hasLease(task) })),
    overdue_attempts: (agents: string[], limit: number, graceMs: number) =>
      running(agents, limit, (task) => {
        const { state, startedAtMs } = task;
        const timeoutMs = state.status === 'running' ? state.timeoutMs : undefined;
        return timeoutMs !== undefined && hasLease(task) && (startedAtMs ?? 0) <= time.now - graceMs - timeoutMs;
      }).map((task) => ({
        ...attemptOf(task),
        timeoutMs: task.state.status === 'running' ? task.state.timeoutMs : undefined,
      })),
    cancelled_attempts: (agents: string[], limit: number) =>
      running(
        agents,
        limit,
        (task) => isDue(task) && task.state.status === 'running' && task.state.cancelReason !== undefined,
      ).map(({ id, fence }) => ({ taskId: id, fence })),
    expired_tasks: (limit: number) =>
      queued()
        .filter((task) => (task.expiresAtMs ?? Infinity) <= time.now)
        .slice(0, limit)
        .map(({ id }) => ({ id })),
    sweep_leases: () => [],
    counters_page: () => [],

    hold_leadership: (holder: string, leaseMs: number, above: number) => {
      if (leader !== null && leader.holder !== holder && leader.untilMs > time.now) return [];
      const keeps = leader !== null && leader.holder === holder && leader.term > above;
      const term = keeps ? (leader?.term ?? 0) : Math.max(leader?.term ?? 0, above) + 1;
      leader = { term, holder, untilMs: time.now + leaseMs };
      return [{ term }];
    },
    resign_leadership: (holder: string) => {
      if (leader?.holder === holder) leader = { ...leader, untilMs: time.now };
      return [];
    },
    report_orchestrator: (id: string, slots: string, withinMs: number) => {
      orchestrators.set(id, { slots: JSON.parse(slots) as unknown, seenAtMs: time.now });
      return [...orchestrators]
        .filter(([other, { seenAtMs }]) => other !== id && seenAtMs > time.now - withinMs)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([other, row]) => ({ id: other, slots: row.slots }));
    },
    leave_orchestrators: (id: string) => {
      orchestrators.delete(id);
      return [];
    },
  };

  const answer = (name: string, values: readonly unknown[]): readonly object[] => {
    const statement = statements[name];
    if (statement === undefined) throw new TypeError(`the simulation has no statement ${name}`);
    return statement(...(values as never[]));
  };

  /** What is wrong with the server is wrong for all. */
  const modeFor = (host: Host) => (mode === 'up' ? (between.get(host) ?? 'up') : mode);

  /** What was sent to it meanwhile is done now. */
  const thaw = () => {
    const thawed = waiting.filter(({ host }) => modeFor(host) !== 'frozen');
    for (const one of thawed) waiting.splice(waiting.indexOf(one), 1);
    for (const { run } of thawed) run();
  };

  const whenThawed = async (host: Host, run: () => readonly object[]) => {
    const back = time.returning();
    const done = Promise.withResolvers<() => readonly object[]>();
    waiting.push({ host, run: () => done.resolve(outcomeOf(run)) });
    const answered = done.promise.then(async (outcome) => {
      await back();
      return outcome();
    });
    answered.catch(() => undefined);
    const silent = time.sleep(QUERY_MS).then(() => {
      throw new Error('Query read timeout');
    });
    silent.catch(() => undefined);
    return Promise.race([answered, silent]);
  };

  const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

  return {
    get mode() {
      return mode;
    },
    tables,
    get leader() {
      return leader;
    },
    become(next) {
      mode = next;
      thaw();
    },
    becomeFor(host, next) {
      if (next === null) between.delete(host);
      else between.set(host, next);
      thaw();
    },
    pool: (host) => ({
      query: async <Row extends object>({ name }: Statement, values: readonly unknown[]) => {
        if (modeFor(host) === 'away') {
          await time.hop();
          throw refused();
        }
        if (modeFor(host) === 'frozen') return (await whenThawed(host, () => answer(name, values))) as Row[];
        await time.hop();
        if (modeFor(host) === 'away') throw refused();
        const rows = answer(name, values);
        if (modeFor(host) === 'slow') await time.sleep(random() * SLOW_MS);
        const isLost = modeFor(host) === 'loses answers' && random() < 0.5;
        // The commit is there for all, and its writer does not know yet.
        if (name === 'append') await time.hop();
        if (isLost) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
        return rows as Row[];
      },
      session: () => Promise.reject(new TypeError('the simulation has no sessions')),
      close: () => Promise.resolve(),
    }),
  };
}

/** What it returns, or throws, when it is asked for. */
function outcomeOf<T>(run: () => T): () => T {
  try {
    const returned = run();
    return () => returned;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
