/**
 * One batch of commands into the log, in one statement. Either the commit returned and every accepted event is durable, or an
 * error was thrown and the outcome is what `classifyFailure` says of it.
 */
import type { Guard } from '@morningai/core/task-projection';
import { bigintArray, booleanArray, byteaArray, intArray, textArray, uuidArray } from './array-parameter.ts';
import { canonicalJson, eventDigest } from './digest.ts';
import type { Pool, Statement } from './pool.ts';
import type { LogEvent } from './read.ts';

export type NewEvent = { readonly type: string; readonly data: unknown };

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
  /** Of its events. */
  readonly life: number;
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
  /** As they will be read back; once they are in the log, they have a position and a time. */
  readonly events: readonly { -readonly [Key in keyof LogEvent]: LogEvent[Key] }[];
  /** Of each event, one character per byte. */
  readonly digests: readonly string[];
  readonly labels: string | null;
  readonly state: string | null;
};

/** `json` takes the escape of a NUL, and fails at whoever reads the text. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/;

const NOT_RECORDED = new Date(Number.NaN);

/** @throws what is not JSON, or not JSON for Postgres: a bigint, NaN, a lone surrogate, a NUL; and what no column holds */
export function encodeAppend(command: Append): EncodedAppend {
  const { stream, tenant, task, expectedVersion, life } = command;
  if (command.events.length === 0) throw new RangeError('an append needs an event');
  checkColumns(command);
  const events = command.events.map(({ type, data }, offset) => {
    const dataText = canonicalJson(data);
    if (dataText.includes('\\u0000') && NUL.test(dataText)) throw new RangeError('a text has a NUL character');
    const version = expectedVersion + offset + 1;
    return { position: 0, stream, version, life, tenant, type, dataText, recordedAt: NOT_RECORDED };
  });
  const digests = events.map((event) => eventDigest(event, event.dataText, 'binary'));
  const labels = task?.labels ? JSON.stringify(task.labels) : null;
  return { command, events, digests, labels, state: task ? JSON.stringify(task.state) : null };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * What the binary form of an array cannot say would fail the whole batch, or become another value.
 * @throws RangeError
 */
function checkColumns({ tenant, task, expectedVersion, life, guards }: Append): void {
  if (!tenant.isWellFormed()) throw new RangeError('the tenant has a lone surrogate');
  if (task !== null && !UUID.test(task.id)) throw new RangeError('the task id is no UUID');
  const ints = [expectedVersion, life, task?.priority, task?.fence, ...guards.map(({ delta }) => delta)];
  for (const int of ints) if (int !== undefined && int !== (int | 0)) throw new RangeError(`${int} is no int`);
  for (const bigint of [task?.wakeInMs, task?.expiresInMs, ...guards.map(({ max }) => max)]) {
    if (bigint != null && !Number.isSafeInteger(bigint)) throw new RangeError(`${bigint} is no safe integer`);
  }
}

const COLUMNS = 35;
const APPEND: Statement = {
  name: 'append',
  sql: `SELECT first_position, recorded_at, refused
        FROM append(${Array.from({ length: COLUMNS }, (_, n) => `$${n + 1}`).join(', ')})`,
};

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
      for (const event of append.events) {
        event.position = position;
        event.recordedAt = row.recorded_at;
        position += 1;
      }
      return { ok: true, firstPosition, recordedAt: row.recorded_at, logged: append.events };
    }
    if (refusal.reason !== 'duplicate') return { ok: false, reason: refusal.reason };
    const { taskId, requestDigest } = refusal;
    return { ok: false, reason: 'duplicate', taskId: taskId ?? '', requestDigest: requestDigest ?? '' };
  });
}

function parameters(batch: readonly EncodedAppend[]): Buffer[] {
  const commands = batch.map(({ command }) => command);
  const tasks = commands.map((command) => command.task);
  const events = batch.flatMap((append) => append.events);
  const guards = commands.flatMap((command) => command.guards);
  const counters = countersOf(guards);
  const keys = [...counters.keys()];
  const sums = [...counters.values()];
  return [
    textArray(commands.map((command) => (command.task === null ? command.stream : null))),
    uuidArray(tasks.map((task) => task?.id ?? null)),
    textArray(commands.map((command) => command.tenant)),
    intArray(commands.map((command) => command.expectedVersion)),
    intArray(commands.map((command) => command.events.length)),
    intArray(commands.map((command) => command.life)),
    textArray(commands.map((command) => command.submission?.key ?? null)),
    textArray(commands.map((command) => command.submission?.requestDigest ?? null)),
    intArray(commands.map((command) => command.unlessLeased?.fence ?? null)),
    textArray(commands.map((command) => command.onlyWhen)),
    textArray(tasks.map((task) => task?.status ?? null)),
    intArray(tasks.map((task) => task?.fence ?? null)),
    bigintArray(tasks.map((task) => task?.wakeInMs ?? null)),
    booleanArray(tasks.map((task) => task?.starts ?? false)),
    booleanArray(tasks.map((task) => task?.ends ?? false)),
    textArray(batch.map(({ state }) => state)),
    textArray(tasks.map((task) => task?.agent ?? null)),
    intArray(tasks.map((task) => task?.priority ?? null)),
    bigintArray(tasks.map((task) => task?.expiresInMs ?? null)),
    textArray(batch.map(({ labels }) => labels)),
    intArray(numbersOf(commands, (command) => command.events.length)),
    textArray(events.map((event) => event.stream)),
    textArray(events.map((event) => event.tenant)),
    intArray(events.map((event) => event.version)),
    textArray(events.map((event) => event.type)),
    byteaArray(batch.flatMap((append) => append.digests)),
    textArray(events.map((event) => event.dataText)),
    textArray(keys),
    bigintArray(sums.map(({ rise }) => rise)),
    bigintArray(sums.map(({ lowest }) => lowest)),
    bigintArray(sums.map(({ change }) => change)),
    intArray(numbersOf(commands, (command) => command.guards.length)),
    intArray(guards.map((guard) => counters.get(guard.key)?.number ?? null)),
    intArray(guards.map((guard) => guard.delta)),
    bigintArray(guards.map((guard) => guard.max)),
  ];
}

type CounterSums = { readonly number: number; rise: number; lowest: number | null; change: number };

/** What the guards come to, counter by counter, were all of them accepted. */
function countersOf(guards: readonly Guard[]): ReadonlyMap<string, CounterSums> {
  const counters = new Map<string, CounterSums>();
  for (const { key, delta, max } of guards) {
    let sums = counters.get(key);
    if (sums === undefined) counters.set(key, (sums = { number: counters.size + 1, rise: 0, lowest: null, change: 0 }));
    sums.change += delta;
    sums.rise += Math.max(0, delta);
    if (max !== null) sums.lowest = Math.min(max, sums.lowest ?? max);
  }
  return counters;
}

/** Of each command its number, as often as it has something. */
function numbersOf(commands: readonly Append[], count: (command: Append) => number): number[] {
  const numbers: number[] = [];
  commands.forEach((command, index) => {
    for (let one = 0; one < count(command); one += 1) numbers.push(index + 1);
  });
  return numbers;
}
