/**
 * Whatever comes in one batch, an append does what the same commands do one after the other: here against a model of a few lines, with
 * refusals of each kind, and then `verify` compares every table with the events.
 */
import { isFinished, type Command } from '@morningai/core/task';
import { openTasksKey, type Guard, type RunningLimits } from '@morningai/core/task-projection';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noted } from '../test/appends.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import { newId, submission } from '../test/requests.ts';
import { append, type Append, type Appended } from './append.ts';
import { readEvents } from './read.ts';
import { decideTask, type KnownTask, type TaskCommand } from './task-batch.ts';
import { verifyLog } from './verify.ts';

const RUNS = 30;
const HOUR_MS = 3_600_000;
const TENANTS = ['acme', 'other'];

const max = fc.option(fc.nat(4), { freq: 2 });
const wish = fc.record({
  what: fc.constantFrom(
    ...([
      'submit',
      'submit and start',
      'start',
      'start and step',
      'step',
      'complete',
      'fail',
      'release',
      'expire',
    ] as const),
    ...(['cancel', 'cut', 'retry', 'expire task', 'note'] as const),
  ),
  which: fc.nat(7),
  later: fc.boolean(),
  expires: fc.constantFrom(null, null, 0, HOUR_MS),
  key: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 2 }),
  concurrencyKey: fc.option(fc.constantFrom('x', 'y'), { freq: 2 }),
  open: max,
  running: fc.record<RunningLimits>({ perTenant: max, perAgent: max }),
  /** By how much the version is not the one that is there. */
  off: fc.constantFrom(0, 0, 0, 0, 1, -1),
  /** Counters that no task has, one of them perhaps twice, falling or rising. */
  guards: fc.array(
    fc.record<Guard>({
      key: fc.constantFrom('free/1', 'free/2'),
      delta: fc.integer({ min: -3, max: 3 }),
      max: fc.option(fc.integer({ min: -2, max: 5 }), { freq: 2 }),
    }),
    { maxLength: 3 },
  ),
});
type Wish = typeof wish extends fc.Arbitrary<infer W> ? W : never;

test('a batch does what its commands would do one after the other', { timeout: 300_000 }, async () => {
  const seen = new Set<string>();
  const batches = fc.array(fc.array(wish, { maxLength: 14, size: 'max' }), { minLength: 1, maxLength: 8, size: 'max' });
  await fc.assert(
    fc.asyncProperty(batches, async (wishes) => {
      await using log = await openLog();
      const model = createModel();
      for (const batch of wishes) {
        const commands = model.commandsOf(batch);
        const expected = commands.map(model.next);
        model.endOfBatch();
        expect((await append(log.pool, commands)).map(inShort)).toEqual(expected);
        for (const answer of expected) seen.add(answer);
      }
      expect(await stored(log)).toEqual(model.stored());
      await log.sql(`DELETE FROM counters WHERE key LIKE 'free/%'`);
      expect((await verifyLog(log.pool)).problems).toEqual([]);
    }),
    { numRuns: RUNS, seed: 717 },
  );
  expect([...seen].toSorted()).toEqual(['accepted', 'conflict', 'duplicate', 'early', 'leased', 'limited']);
});

function inShort(result: Appended): string {
  return result.ok ? 'accepted' : result.reason;
}

async function stored({ pool, sql }: TestLog) {
  const events = await readEvents(pool, 0, 10_000);
  return {
    events: events.map(({ position, stream, version, life, type }) => [position, stream, version, life, type]),
    counters: await sql(`SELECT key, value::int FROM counters WHERE value <> 0 ORDER BY key`),
    keys: await sql(`SELECT tenant, idempotency_key AS key, task_id AS "taskId" FROM submissions ORDER BY 1, 2`),
    streams: await sql(`SELECT stream, version FROM streams ORDER BY stream`),
  };
}

/** `waits`: its time, or the end of its lease, is an hour away. `expires`: as its submission says. */
type ModelTask = KnownTask & { readonly waits: boolean; readonly expires: number | null };

function createModel() {
  const tasks = new Map<string, ModelTask>();
  const streams = new Map<string, number>();
  const keys = new Map<string, { tenant: string; key: string; taskId: string }>();
  const counters = new Map<string, number>();
  const events: (string | number)[][] = [];
  /** Of the batch under way, with what their place in the log depends on. */
  let unplaced: { readonly order: string; readonly columns: readonly (string | number)[] }[] = [];
  let claims = 0;

  const commandOf = (wished: Wish): Append | null => {
    if (wished.what === 'note') {
      const stream = `check/${wished.which % 3}`;
      return noted(stream, streams.get(stream) ?? 0);
    }
    const isNew = wished.what.startsWith('submit');
    const ids = [...tasks.keys()];
    const taskId = isNew ? newId() : ids[wished.which % ids.length];
    if (taskId === undefined) return null;
    const known = tasks.get(taskId);
    const tenant = known?.tenant ?? TENANTS[wished.which % 2] ?? '';
    const asked = asks(wished, known, `claim ${(claims += 1)}`);
    return decideTask(
      known,
      asked.map((ask) => ({ taskId, tenant, limits: [], ...ask })),
    ).append;
  };

  const refusalOf = (command: Append): string | null => {
    const { stream, tenant, expectedVersion, guards, submission: claimed, unlessLeased, onlyWhen } = command;
    const task = tasks.get(command.task?.id ?? '');
    if (claimed !== null && keys.has(`${tenant}/${claimed.key}`)) return 'duplicate';
    if (expectedVersion !== (task?.version ?? streams.get(stream) ?? 0)) return 'conflict';
    if (unlessLeased !== null && task?.waits) return 'leased';
    if (onlyWhen === 'due' && (task?.waits || task?.expires === 0)) return 'early';
    if (onlyWhen === 'over' && task?.waits) return 'early';
    if (onlyWhen === 'expired' && task?.expires !== 0) return 'early';
    const isOver = (guard: Guard) => guard.max !== null && (counters.get(guard.key) ?? 0) + guard.delta > guard.max;
    return guards.some(isOver) ? 'limited' : null;
  };

  return {
    /** As many of these as one batch may have: one command per stream, and per key. */
    commandsOf(wishes: readonly Wish[]): Append[] {
      const taken = new Set<string>();
      const commands: Append[] = [];
      for (const wished of wishes) {
        const command = commandOf(wished);
        if (command === null) continue;
        const claims = [command.stream, `${command.tenant} ${command.submission?.key ?? newId()}`];
        if (claims.some((claim) => taken.has(claim))) continue;
        for (const claim of claims) taken.add(claim);
        const expectedVersion = Math.max(0, command.expectedVersion + wished.off);
        commands.push({ ...command, expectedVersion, guards: [...wished.guards, ...command.guards] });
      }
      return commands;
    },

    next(command: Append): string {
      const refusal = refusalOf(command);
      if (refusal !== null) return refusal;
      const { stream, tenant, life, task, expectedVersion, submission: claimed } = command;
      const version = expectedVersion + command.events.length;
      const takes = command.guards.some(({ delta }) => delta > 0);
      command.events.forEach(({ type }, n) => {
        unplaced.push({
          order: `${takes} ${n} ${type} ${tenant}`,
          columns: [stream, expectedVersion + n + 1, life, type],
        });
      });
      for (const { key, delta } of command.guards) counters.set(key, (counters.get(key) ?? 0) + delta);
      if (claimed !== null) keys.set(`${tenant}/${claimed.key}`, { tenant, key: claimed.key, taskId: task?.id ?? '' });
      if (task === null) streams.set(stream, version);
      else {
        const before = tasks.get(task.id);
        const state = task.state as KnownTask['state'];
        const waits = task.wakeInMs === null ? before?.waits === true : task.wakeInMs > 0;
        const expires = before === undefined ? task.expiresInMs : isFinished(before.state) ? null : before.expires;
        tasks.set(task.id, { tenant, version, state, waits, expires });
      }
      return 'accepted';
    },

    /** What takes nothing first; of that, first events first; of those, type by type and tenant by tenant; of those, in the order of the commands. */
    endOfBatch() {
      for (const { columns } of unplaced.toSorted((a, b) => (a.order < b.order ? -1 : Number(a.order > b.order)))) {
        events.push([events.length + 1, ...columns]);
      }
      unplaced = [];
    },

    stored() {
      const byName = <T>(entries: Iterable<[string, T]>) => [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return {
        events,
        counters: byName(counters).flatMap(([key, value]) => (value === 0 ? [] : [{ key, value }])),
        keys: byName(keys).map(([, claimed]) => claimed),
        streams: byName(streams).map(([stream, version]) => ({ stream, version })),
      };
    },
  };
}

/** One command per wish, or two in one append. */
function asks(
  wished: Wish,
  known: KnownTask | undefined,
  claimId: string,
): (Partial<TaskCommand> & { command: Command })[] {
  const { what, later, running: runningLimits } = wished;
  const inMs = later ? HOUR_MS : 0;
  const state = known?.state;
  const [fence, steps] = state === undefined || state.status === 'none' ? [0, 0] : [state.fence, state.steps];
  const command = { type: 'Start', claimId, worker: 'worker', agentVersion: '1', leaseMs: inMs } as const;
  const error = { code: 'OOPS', message: 'it failed' };
  switch (what) {
    case 'submit':
    case 'submit and start': {
      const { key: idempotencyKey, concurrencyKey, expires: expiresInMs, which } = wished;
      const agent = which < 4 ? 'echo' : 'slow';
      const dueInMs = what === 'submit' ? inMs : 0;
      const limits =
        wished.open === null ? [] : TENANTS.map((it) => ({ key: openTasksKey(it), max: wished.open as number }));
      const thenStart = what === 'submit' ? null : { command, runningLimits };
      const fields = { agent, dueInMs, expiresInMs, concurrencyKey, idempotencyKey, maxAttempts: 2 };
      return [{ command: submission(fields), limits, thenStart }];
    }
    case 'start':
      return [{ command, runningLimits }];
    case 'start and step':
      return [
        { command, runningLimits },
        { command: { type: 'StartStep', fence: fence + 1, index: steps, step: 'one', effectKey: 'key' } },
      ];
    case 'step':
      return [
        { command: { type: 'CompleteStep', fence, index: steps, step: 'one', output: 'ä€😀"\\' } },
        { command: { type: 'StartStep', fence, index: steps + 1, step: 'two', effectKey: 'key' } },
      ];
    case 'complete':
      return [{ command: { type: 'Complete', fence, output: { a: [1] } } }];
    case 'fail':
      return [{ command: { type: 'Fail', fence, error, retryInMs: wished.which === 0 ? null : inMs } }];
    case 'release':
      return [{ command: { type: 'Release', fence } }];
    case 'expire':
      return [{ command: { type: 'Expire', fence, retryInMs: inMs, begun: true } }];
    case 'cancel':
      return [{ command: { type: 'Cancel', reason: 'not needed', graceMs: inMs } }];
    case 'cut':
      return [{ command: { type: 'CutCancelled', fence } }];
    case 'retry':
      return [{ command: { type: 'Retry', life: null, dueInMs: inMs } }];
    case 'expire task':
      return [{ command: { type: 'ExpireTask' } }];
    case 'note':
      return [];
    default:
      return what satisfies never;
  }
}
