/**
 * The tables of the log as Postgres keeps them, and `append` as its SQL says it: the one part of the system that is written here a second
 * time. log-tables.int.test.ts holds it against Postgres.
 */
import type { State } from '@morningai/core/task';
import { readAppend } from './append-statement.ts';

export type EventRow = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly life: number;
  readonly tenant: string;
  readonly type: string;
  readonly dataText: string;
  readonly recordedAtMs: number;
};

export type TaskRow = {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly submittedPosition: number;
  readonly createdAtMs: number;
  version: number;
  fence: number;
  status: string;
  wakeAtMs: number | null;
  expiresAtMs: number | null;
  startedAtMs: number | null;
  updatedAtMs: number;
  finishedAtMs: number | null;
  outcomePosition: number | null;
  state: State;
};

export type LeaseRow = { readonly fence: number; untilMs: number };

type Refusal = {
  readonly command: number;
  readonly reason: 'conflict' | 'duplicate' | 'leased' | 'early' | 'limited';
  readonly taskId: string | null;
  readonly requestDigest: string | null;
};

/** An append that was accepted, with what was true when it was: for those who judge. */
export type Accepted = {
  readonly events: readonly EventRow[];
  readonly before: { readonly wakeAtMs: number | null; readonly leaseUntilMs: number | null } | null;
};

export type LogTables = {
  readonly events: readonly EventRow[];
  readonly tasks: ReadonlyMap<string, TaskRow>;
  readonly leases: Map<string, LeaseRow>;
  readonly counters: ReadonlyMap<string, number>;
  readonly submissions: ReadonlyMap<string, { readonly taskId: string; readonly requestDigest: string }>;
  versionOf(stream: string): number;
  append(
    values: readonly unknown[],
    nowMs: number,
  ): {
    readonly first_position: number | null;
    readonly recorded_at: Date;
    readonly refused: readonly Refusal[] | null;
  };
};

/** @param onAccepted told of each stream's append */
export function createLogTables(epochMs: number, onAccepted: (accepted: Accepted) => void): LogTables {
  const events: EventRow[] = [];
  const tasks = new Map<string, TaskRow>();
  const leases = new Map<string, LeaseRow>();
  const counters = new Map<string, number>();
  const streams = new Map<string, number>();
  const outcomes = new Set<string>();
  const submissions = new Map<string, { taskId: string; requestDigest: string }>();

  const append: LogTables['append'] = (values, nowMs) => {
    const column = readAppend(values);
    const number = (name: string) => column(name).map((one) => (one === null ? null : Number(one)));
    const [stream, tenant, key, digest] = [
      column('c_stream').map((name, n) => name ?? `task/${column('c_task')[n]}`),
      column('c_tenant'),
      column('c_key'),
      column('c_request_digest'),
    ];
    const [task, onlyWhen, status, state] = [
      column('c_task'),
      column('c_only_when'),
      column('c_status'),
      column('c_state'),
    ];
    const [expected, count, leaseFence] = [number('c_expected'), number('c_events'), number('c_lease_fence')];
    const [wakeInMs, expiresInMs] = [number('c_wake_in_ms'), number('c_expires_in_ms')];
    const [agent, priority, fence, labels] = [
      column('c_agent'),
      number('c_priority'),
      number('c_fence'),
      column('c_labels'),
    ];
    const [starts, ends, life] = [column('c_starts'), column('c_ends'), number('c_life')];
    const [eventCommand, version] = [number('e_command'), number('e_version')];
    const [type, data] = [column('e_type'), column('e_data')];
    const [guardCommand, guardCounter] = [number('g_command'), number('g_counter')];
    const [delta, max, counterKey] = [number('g_delta'), number('g_max'), column('k_key')];

    const isEarly = (when: string | null, row: TaskRow | undefined) => {
      if (when === null || row === undefined) return false;
      const { wakeAtMs, expiresAtMs } = row;
      if (when === 'due') return (wakeAtMs ?? -Infinity) > nowMs || (expiresAtMs ?? Infinity) <= nowMs;
      if (when === 'over') return (wakeAtMs ?? -Infinity) > nowMs;
      return (expiresAtMs ?? Infinity) > nowMs;
    };
    const leaseOf = (id: string, heldFence: number) => {
      const lease = leases.get(id);
      return lease?.fence === heldFence ? lease.untilMs : null;
    };
    const submissionOf = (n: number) =>
      key[n] == null ? undefined : submissions.get(JSON.stringify([tenant[n], key[n]]));

    const verdict = (n: number): Refusal['reason'] | null => {
      const row = task[n] == null ? undefined : tasks.get(task[n]);
      if (submissionOf(n) !== undefined) return 'duplicate';
      const found = task[n] == null ? (streams.get(stream[n] ?? '') ?? 0) : (row?.version ?? 0);
      if (found !== expected[n]) return 'conflict';
      const held = leaseFence[n];
      if (held != null && nowMs < Math.max(row?.wakeAtMs ?? -Infinity, leaseOf(task[n] ?? '', held) ?? -Infinity)) {
        return 'leased';
      }
      return isEarly(onlyWhen[n] ?? null, row) ? 'early' : null;
    };
    const verdicts = stream.map((_, n) => verdict(n));

    // The key of `outcomes` undoes the whole statement.
    for (const n of stream.keys()) {
      if (verdicts[n] !== null || ends[n] !== 'true' || !outcomes.has(`${task[n]}/${life[n]}`)) continue;
      throw Object.assign(new Error('duplicate key value: outcomes_pkey'), { code: '23505', severity: 'ERROR' });
    }
    // One command after the other takes what the limits leave.
    const guardsOf = (n: number) => guardCommand.flatMap((command, g) => (command === n + 1 ? [g] : []));
    const amountOf = (g: number) => counters.get(counterKey[(guardCounter[g] ?? 0) - 1] ?? '') ?? 0;
    for (const n of stream.keys()) {
      if (verdicts[n] !== null) continue;
      const guards = guardsOf(n);
      if (guards.some((g) => max[g] != null && amountOf(g) + (delta[g] ?? 0) > max[g])) verdicts[n] = 'limited';
      else
        for (const g of guards)
          counters.set(counterKey[(guardCounter[g] ?? 0) - 1] ?? '', amountOf(g) + (delta[g] ?? 0));
    }

    const first = events.length + 1;
    const rowsOf = new Map<number, EventRow[]>();
    for (const [e, command] of eventCommand.entries()) {
      const n = (command ?? 0) - 1;
      if (verdicts[n] !== null) continue;
      const row: EventRow = {
        position: events.length + 1,
        stream: stream[n] ?? '',
        version: version[e] ?? 0,
        life: life[n] ?? 0,
        tenant: tenant[n] ?? '',
        type: type[e] ?? '',
        dataText: data[e] ?? 'null',
        recordedAtMs: nowMs,
      };
      events.push(row);
      rowsOf.set(n, [...(rowsOf.get(n) ?? []), row]);
    }
    for (const n of stream.keys()) {
      if (verdicts[n] !== null) continue;
      const id = task[n] ?? null;
      const row = id === null ? undefined : tasks.get(id);
      const before = row === undefined ? null : { wakeAtMs: row.wakeAtMs, leaseUntilMs: leaseOf(row.id, row.fence) };
      const rows = rowsOf.get(n) ?? [];
      onAccepted({ events: rows, before });
      const next = (expected[n] ?? 0) + (count[n] ?? 0);
      if (id === null) {
        streams.set(stream[n] ?? '', next);
        continue;
      }
      const isOver = ends[n] === 'true';
      const changed = {
        version: next,
        fence: fence[n] ?? 0,
        status: status[n] ?? '',
        state: JSON.parse(state[n] ?? 'null') as State,
        updatedAtMs: nowMs,
        finishedAtMs: isOver ? nowMs : null,
        outcomePosition: isOver ? (rows.at(-1)?.position ?? null) : null,
        wakeAtMs: isOver ? null : wakeInMs[n] == null ? (row?.wakeAtMs ?? null) : nowMs + wakeInMs[n],
        startedAtMs: starts[n] === 'true' ? nowMs : (row?.startedAtMs ?? null),
        expiresAtMs:
          row !== undefined
            ? row.outcomePosition === null
              ? row.expiresAtMs
              : null
            : expiresInMs[n] == null
              ? null
              : nowMs + expiresInMs[n],
      };
      if (row === undefined) {
        tasks.set(id, {
          id,
          tenant: tenant[n] ?? '',
          agent: agent[n] ?? '',
          priority: priority[n] ?? 0,
          labels: labels[n] == null ? null : (JSON.parse(labels[n]) as Record<string, string>),
          submittedPosition: rows[0]?.position ?? 0,
          createdAtMs: nowMs,
          ...changed,
        });
      } else Object.assign(row, changed);
      if (isOver) {
        outcomes.add(`${id}/${life[n]}`);
      }
      if (key[n] != null) {
        submissions.set(JSON.stringify([tenant[n], key[n]]), { taskId: id, requestDigest: digest[n] ?? '' });
      }
    }
    const refused = verdicts.flatMap((reason, n): Refusal[] => {
      if (reason === null) return [];
      const earlier = reason === 'duplicate' ? submissionOf(n) : undefined;
      return [{ command: n, reason, taskId: earlier?.taskId ?? null, requestDigest: earlier?.requestDigest ?? null }];
    });
    return {
      first_position: events.length >= first ? first : null,
      recorded_at: new Date(epochMs + nowMs),
      refused: refused.length === 0 ? null : refused,
    };
  };

  return {
    events,
    tasks,
    leases,
    counters,
    submissions,
    versionOf: (stream) => streams.get(stream) ?? 0,
    append,
  };
}
