/**
 * One batch of commands into the log, in one statement. Either the commit returned and every accepted event is durable, or an
 * error was thrown and the outcome is what `classifyFailure` says of it.
 */
import type { Guard } from '@morningai/core/task-projection';
import { plainArray, textArray } from './array-parameter.ts';
import { canonicalJson, eventDigest } from './digest.ts';
import type { Pool, Statement } from './pool.ts';
import type { LogEvent } from './read.ts';

export type NewEvent = { readonly type: string; readonly life: number; readonly data: unknown };

/** The folded row of a task, as it is after the command's events. */
export type TaskRow = {
  readonly id: string;
  readonly agent: string;
  readonly priority: number;
  readonly status: string;
  readonly fence: number;
  readonly wakeInMs: number | null;
  /** Of a new task; null: it does not expire. */
  readonly expiresInMs: number | null;
  readonly starts: boolean;
  readonly ends: boolean;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly state: unknown;
};

/** At most one per stream in a batch. */
export type Append = {
  readonly stream: string;
  readonly tenant: string;
  /** The version the decision was made on; 0: the stream must not exist. */
  readonly expectedVersion: number;
  /** At least one. */
  readonly events: readonly NewEvent[];
  readonly guards: readonly Guard[];
  /** For task streams: the row that goes with them. */
  readonly task: TaskRow | null;
  /** Claims an idempotency key of the tenant. */
  readonly submission: { readonly key: string; readonly requestDigest: string } | null;
  /** Refused as `leased` while the lease of this fence holds. */
  readonly unlessLeased: { readonly fence: number } | null;
  /** Refused as `early` while this does not hold, by Postgres' clock. */
  readonly onlyWhen: Timing | null;
};

/**
 * `due`: it is time to work on it, and not too late (a stale ticket must not cut a retry's wait short). `over`: what was waited for, as a
 * grace, is over. `expired`: it is of no use any more.
 */
export type Timing = 'due' | 'over' | 'expired';

export type Appended =
  | {
      readonly ok: true;
      readonly firstPosition: number;
      readonly recordedAt: Date;
      readonly logged: readonly LogEvent[];
    }
  | { readonly ok: false; readonly reason: 'conflict' | 'leased' | 'early' | 'limited' }
  | { readonly ok: false; readonly reason: 'duplicate'; readonly taskId: string; readonly requestDigest: string };

/** A command whose values are text already: nothing in it can throw any more. */
export type EncodedAppend = {
  readonly command: Append;
  readonly events: readonly EncodedEvent[];
  readonly labels: string | null;
  readonly state: string | null;
};

type EncodedEvent = {
  readonly version: number;
  readonly life: number;
  readonly type: string;
  readonly digest: string;
  readonly data: string;
};

/** `json` takes the escape of a NUL, and fails at whoever reads the text. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/** @throws what is not JSON, or not JSON for Postgres: a bigint, NaN, a lone surrogate, a NUL */
export function encodeAppend(command: Append): EncodedAppend {
  const { stream, tenant, task, expectedVersion } = command;
  if (command.events.length === 0) throw new RangeError('an append needs an event');
  const events = command.events.map(({ type, life, data: value }, offset) => {
    const version = expectedVersion + offset + 1;
    const data = canonicalJson(value);
    if (data.includes('\\u0000') && NUL.test(data)) throw new RangeError('a text has a NUL character');
    return { version, life, type, data, digest: eventDigest({ stream, version, tenant, type, life }, data) };
  });
  const labels = task?.labels ? JSON.stringify(task.labels) : null;
  return { command, events, labels, state: task ? JSON.stringify(task.state) : null };
}

const COLUMNS = 33;
/** Its elements are sent as text, and are uuids there. */
const TASK_COLUMN = 10;
const APPEND: Statement = {
  name: 'append',
  sql: `SELECT first_position, recorded_at, refused
        FROM append(${Array.from({ length: COLUMNS }, (_, n) => parameter(n + 1)).join(', ')})`,
};

function parameter(column: number): string {
  return column === TASK_COLUMN ? `$${column}::text[]::uuid[]` : `$${column}`;
}

type Row = { first_position: number | null; recorded_at: Date; refused: readonly Refusal[] | null };
type Refusal = {
  command: number;
  reason: 'conflict' | 'duplicate' | 'leased' | 'early' | 'limited';
  taskId: string | null;
  requestDigest: string | null;
};

/** @returns one result per command, in order */
export async function append(pool: Pool, commands: readonly Append[]): Promise<readonly Appended[]> {
  return appendEncoded(pool, commands.map(encodeAppend));
}

/** @returns one result per command, in order */
export async function appendEncoded(pool: Pool, batch: readonly EncodedAppend[]): Promise<readonly Appended[]> {
  const rows = await pool.query<Row>(APPEND, parameters(batch));
  const row = rows[0];
  if (row === undefined) throw new Error('append returned no row');
  const refusals = new Map((row.refused ?? []).map((refusal) => [refusal.command, refusal]));
  let position = row.first_position ?? 0;
  return batch.map((append, index): Appended => {
    const refusal = refusals.get(index);
    if (refusal === undefined) {
      const firstPosition = position;
      position += append.events.length;
      const recordedAt = row.recorded_at;
      return { ok: true, firstPosition, recordedAt, logged: loggedEvents(append, firstPosition, recordedAt) };
    }
    if (refusal.reason !== 'duplicate') return { ok: false, reason: refusal.reason };
    const { taskId, requestDigest } = refusal;
    return { ok: false, reason: 'duplicate', taskId: taskId ?? '', requestDigest: requestDigest ?? '' };
  });
}

/** As they would be read back. */
function loggedEvents({ command, events }: EncodedAppend, firstPosition: number, recordedAt: Date): LogEvent[] {
  const { stream, tenant } = command;
  return events.map(({ version, life, type, data }, index) => {
    return { position: firstPosition + index, stream, version, life, tenant, type, dataText: data, recordedAt };
  });
}

function parameters(batch: readonly EncodedAppend[]): (string | Buffer)[] {
  const commands = batch.map(({ command }) => command);
  const tasks = commands.map((command) => command.task);
  const events = batch.flatMap(({ command, events: encoded }, index) =>
    encoded.map((event) => ({ ...event, command: index + 1, stream: command.stream, tenant: command.tenant })),
  );
  const guards = commands.flatMap((command, index) =>
    command.guards.map((guard) => ({ ...guard, command: index + 1 })),
  );
  const keys = [...new Set(guards.map((guard) => guard.key))];
  const keyNumbers = new Map(keys.map((key, index) => [key, index + 1]));
  return [
    textArray(commands.map((command) => command.stream)),
    plainArray(commands.map((command) => command.expectedVersion)),
    plainArray(commands.map((command) => command.events.length)),
    plainArray(commands.map((command) => command.events.at(-1)?.life ?? null)),
    textArray(commands.map((command) => command.tenant)),
    textArray(commands.map((command) => command.submission?.key ?? null)),
    textArray(commands.map((command) => command.submission?.requestDigest ?? null)),
    plainArray(commands.map((command) => command.unlessLeased?.fence ?? null)),
    textArray(commands.map((command) => command.onlyWhen)),
    textArray(tasks.map((task) => task?.id ?? null)),
    textArray(tasks.map((task) => task?.agent ?? null)),
    plainArray(tasks.map((task) => task?.priority ?? null)),
    textArray(tasks.map((task) => task?.status ?? null)),
    plainArray(tasks.map((task) => task?.fence ?? null)),
    plainArray(tasks.map((task) => task?.wakeInMs ?? null)),
    plainArray(tasks.map((task) => task?.expiresInMs ?? null)),
    plainArray(tasks.map((task) => task?.starts ?? false)),
    plainArray(tasks.map((task) => task?.ends ?? false)),
    textArray(batch.map(({ labels }) => labels)),
    textArray(batch.map(({ state }) => state)),
    plainArray(events.map((event) => event.command)),
    textArray(events.map((event) => event.stream)),
    textArray(events.map((event) => event.tenant)),
    plainArray(events.map((event) => event.version)),
    plainArray(events.map((event) => event.life)),
    textArray(events.map((event) => event.type)),
    textArray(events.map((event) => event.digest)),
    textArray(events.map((event) => event.data)),
    textArray(keys),
    plainArray(guards.map((guard) => guard.command)),
    plainArray(guards.map((guard) => keyNumbers.get(guard.key) ?? null)),
    plainArray(guards.map((guard) => guard.delta)),
    plainArray(guards.map((guard) => guard.max)),
  ];
}
