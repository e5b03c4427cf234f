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

const COLUMNS = 36;
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
  const events = inLogOrder(batch);
  const rows = await pool.query<Row>(APPEND, parameters(batch, events));
  const row = rows[0];
  if (row === undefined) throw new Error('append returned no row');
  const refusals = new Map((row.refused ?? []).map((refusal) => [refusal.command, refusal]));
  let position = row.first_position ?? 0;
  for (const { command, event } of events) {
    if (refusals.has(command)) continue;
    event.position = position;
    event.recordedAt = row.recorded_at;
    position += 1;
  }
  return batch.map((append, index): Appended => {
    const refusal = refusals.get(index);
    if (refusal === undefined) return { ok: true, recordedAt: row.recorded_at, logged: append.events };
    if (refusal.reason !== 'duplicate') return { ok: false, reason: refusal.reason };
    const { taskId, requestDigest } = refusal;
    return { ok: false, reason: 'duplicate', taskId: taskId ?? '', requestDigest: requestDigest ?? '' };
  });
}

type BatchEvent = {
  /** Its number in the batch, from 0. */
  readonly command: number;
  readonly event: EncodedAppend['events'][number];
  readonly digest: string;
};

/**
 * What takes nothing that is limited comes before what does, so that at each position of the log every limit is kept: a task that follows
 * another of its concurrency key in the same batch begins behind the end of that one. Of each part the first events of all
 * commands, then the second ones, and so on; of those, each type of each tenant together. So a commit has few changes from one
 * subject of the feed to another, each of which costs a message of its own.
 */
function inLogOrder(batch: readonly EncodedAppend[]): readonly BatchEvent[] {
  const taking = new Set(batch.filter(({ command }) => command.guards.some(({ delta }) => delta > 0)));
  return [
    ...alikeTogether(batch, (append) => !taking.has(append)),
    ...alikeTogether(batch, (append) => taking.has(append)),
  ];
}

function alikeTogether(batch: readonly EncodedAppend[], isWanted: (append: EncodedAppend) => boolean): BatchEvent[] {
  const ordered: BatchEvent[] = [];
  for (let place = 0, found = true; found; place += 1) {
    const alike = new Map<string, BatchEvent[]>();
    batch.forEach((append, command) => {
      const [event, digest] = [append.events[place], append.digests[place]];
      if (event === undefined || digest === undefined || !isWanted(append)) return;
      const kind = `${event.type} ${event.tenant}`;
      const one = { command, event, digest };
      const others = alike.get(kind);
      if (others === undefined) alike.set(kind, [one]);
      else others.push(one);
    });
    for (const kind of [...alike.keys()].toSorted()) ordered.push(...(alike.get(kind) ?? []));
    found = alike.size > 0;
  }
  return ordered;
}

function parameters(batch: readonly EncodedAppend[], events: readonly BatchEvent[]): Buffer[] {
  const commands = batch.map(({ command }) => command);
  const tasks = commands.map((command) => command.task);
  const [first, last]: [number[], number[]] = [[], []];
  events.forEach(({ command }, index) => {
    first[command] ??= index + 1;
    last[command] = index + 1;
  });
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
    intArray(first),
    intArray(last),
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
    intArray(events.map(({ command }) => command + 1)),
    textArray(events.map(({ event }) => event.stream)),
    intArray(events.map(({ event }) => event.version)),
    textArray(events.map(({ event }) => event.type)),
    byteaArray(events.map(({ digest }) => digest)),
    textArray(events.map(({ event }) => event.dataText)),
    textArray(keys),
    bigintArray(sums.map(({ rise }) => rise)),
    bigintArray(sums.map(({ lowest }) => lowest)),
    bigintArray(sums.map(({ change }) => change)),
    intArray(commands.flatMap(({ guards: own }, index) => own.map(() => index + 1))),
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
