import { openTasksKey, type Guard } from '@morningai/core/task-projection';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendOf, noted, submitted } from '../test/appends.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import { codeOf, complete, newId, runOne, start, submission, submit, TENANT } from '../test/requests.ts';
import { appendBisecting } from './append-bisecting.ts';
import { append, type Append, type TaskRow } from './append.ts';
import { readEvents, readHead, readStream } from './read.ts';
import { taskStream } from './task-batch.ts';
import { verifyLog } from './verify.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

async function holds(on: TestLog = log) {
  const { problems, ...report } = await verifyLog(on.pool);
  expect(problems).toEqual([]);
  return report;
}

describe('16 writers at once', () => {
  const WRITERS = 16;
  const ROUNDS = 12;

  test('get dense positions in one chain, and a reader that follows skips none', async () => {
    await using own = await openLog();
    const writers = Array.from({ length: WRITERS }, () => own.openWriter({ maxConnections: 2 }));
    const shared = await Promise.all(Array.from({ length: 8 }, () => writers[0]!.write(submit())));
    const writing = writers.map(async (writer, number) => {
      const pool = own.openPool({ maxConnections: 1 });
      for (let round = 0; round < ROUNDS; round += 1) {
        switch (number % 4) {
          case 0: // one by one
            await runOne(writer);
            break;
          case 1: // in batches
            await Promise.all(Array.from({ length: 20 }, () => runOne(writer)));
            break;
          case 2: // all want the same tasks, in a different order each
            await Promise.all(
              shared.map(async ({ taskId }, index) => {
                const { state } = await writer.write(start(shared[(index + number) % 8]?.taskId ?? taskId));
                if (state.status !== 'running') return;
                await codeOf(writer.write(complete(shared[(index + number) % 8]?.taskId ?? taskId, state.fence)));
              }),
            );
            break;
          default: // bare appends on a stream that three others write too
            await append(pool, [noted('dispatch', round), noted(`check/${number}`, round)]);
        }
      }
    });
    const stop = new AbortController();
    const everything = Promise.all(writing).finally(() => stop.abort());
    const seen: number[] = [];
    const follow = async () => {
      for (;;) {
        const last = stop.signal.aborted;
        const events = await readEvents(own.pool, seen.at(-1) ?? 0, 64);
        seen.push(...events.map(({ position }) => position));
        if (last && events.length === 0) return;
      }
    };
    await Promise.all([everything, follow()]);
    const { head, ledger } = await holds(own);
    expect(seen).toEqual(Array.from({ length: head }, (_, index) => index + 1));
    expect(ledger).toEqual({
      accepted: 8 + 4 * ROUNDS + 4 * 20 * ROUNDS,
      completed: 8 + 4 * ROUNDS + 4 * 20 * ROUNDS,
      failed: 0,
      cancelled: 0,
      open: 0,
    });
    expect(await readStream(own.pool, 'dispatch', 0, 100)).toHaveLength(ROUNDS);
  });
});

describe('an append', () => {
  test('answers where each event is, those of a kind together, and skips the refused', async () => {
    const { head } = await readHead(log.pool);
    const known = appendOf(newId(), undefined, [
      submission(),
      { type: 'Start', claimId: 'a', worker: 'w', agentVersion: '1', leaseMs: 1 },
    ]);
    const stale = { ...submitted(), expectedVersion: 7 };
    const results = await append(log.pool, [submitted(), stale, known.append, noted('outage/1', 0), submitted()]);
    const recordedAt = expect.any(Date);
    const at = (...positions: number[]) => positions.map((position) => ({ position: head + position }));
    expect(results).toMatchObject([
      { ok: true, logged: at(2), recordedAt },
      { ok: false, reason: 'conflict' },
      { ok: true, logged: at(3, 5), recordedAt },
      { ok: true, logged: at(1), recordedAt },
      { ok: true, logged: at(4), recordedAt },
    ]);
    const logged = results.flatMap((result) => (result.ok ? result.logged : []));
    const events = await readEvents(log.pool, head, 5);
    expect(logged.toSorted((a, b) => a.position - b.position)).toEqual(events);
    expect(events.map(({ type }) => type)).toEqual([
      'Noted',
      'TaskSubmitted',
      'TaskSubmitted',
      'TaskSubmitted',
      'AttemptStarted',
    ]);
  });

  test('of nothing but refused commands leaves no trace', async () => {
    const { append: first } = appendOf(newId(), undefined, [submission()]);
    await append(log.pool, [first]);
    const before = await log.sql(
      'SELECT (SELECT count(*) FROM commits) AS commits, (SELECT count(*) FROM events) AS events',
    );
    expect(await append(log.pool, [first])).toEqual([{ ok: false, reason: 'conflict' }]);
    expect(
      await log.sql('SELECT (SELECT count(*) FROM commits) AS commits, (SELECT count(*) FROM events) AS events'),
    ).toEqual(before);
  });

  test('that stores a new task does not believe a task that is there to be new', async () => {
    const { taskId } = await log.writer.write(submit());
    const { append: again } = appendOf(taskId, undefined, [submission()]);
    expect(await append(log.pool, [again])).toEqual([{ ok: false, reason: 'conflict' }]);
  });

  test('is refused in a transaction that would not see what was committed before it', async () => {
    const client = await log.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const call = `SELECT append(${Array.from({ length: 36 }, () => "'{}'").join(', ')})`;
    await expect(client.query(call)).rejects.toMatchObject({ code: '0A000' });
  });

  test('is durable when it returns, also where synchronous_commit is off', async () => {
    const client = await log.connect();
    await client.query('BEGIN; SET LOCAL synchronous_commit = off');
    await client.query(`SELECT append(${Array.from({ length: 36 }, () => "'{}'").join(', ')})`);
    const { rows } = await client.query('SHOW synchronous_commit');
    expect(rows).toEqual([{ synchronous_commit: 'on' }]);
    await client.query('ROLLBACK');
  });
});

describe('one bad command in a batch of 500', () => {
  const withRow = (fields: Partial<TaskRow>): Append => {
    const { task, ...command } = submitted();
    return { ...command, task: task && { ...task, ...fields } };
  };
  const withGuard = (fields: Partial<Guard>): Append => ({
    ...submitted(),
    guards: [{ key: 'a', delta: 1, max: null, ...fields }],
  });
  const deep = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  const bad = {
    'a NUL in a label': submitted({ labels: { a: 'b\0' } }),
    'a NUL in the tenant': { ...submitted(), tenant: 'a\0b' },
    'a lone surrogate in the tenant': { ...submitted(), tenant: 'a\ud800' },
    'a wait beyond any calendar': submitted({ dueInMs: 9e17 }),
    'a wait of half a millisecond': submitted({ dueInMs: 0.5 }),
    'a priority that does not exist': submitted({ priority: 9 }),
    'a priority beyond all numbers': submitted({ priority: Infinity }),
    'a priority beyond the numbers of a column': submitted({ priority: 2 ** 40 }),
    'a priority between two': submitted({ priority: 1.5 }),
    'a fence beyond the numbers of a column': withRow({ fence: 2 ** 31 }),
    'a task id that is none': withRow({ id: 'no id' }),
    'a task id that is too long': withRow({ id: `${newId()}00` }),
    'a counter that changes by more than a column holds': withGuard({ delta: 2 ** 31 }),
    'a limit that is none': withGuard({ max: Infinity }),
    'a key too long for the index': submitted({ idempotencyKey: Array.from({ length: 300 }, newId).join('') }),
    'data deeper than Postgres can read': noted('check/deep', 0, deep(100_000)),
    'data that is not JSON': noted('check/bigint', 0, { n: 1n }),
    'a NUL in the data': submitted({ input: ['\\\0'] }),
    'a lone surrogate': submitted({ input: '\ud800' }),
    'a number that is none': submitted({ input: [NaN] }),
    'a second command of the same stream': submitted(),
  };

  test.each(Object.entries(bad))('%s costs only itself', async (name, culprit) => {
    const batch = Array.from({ length: 499 }, () => submitted());
    batch.splice(317, 0, culprit);
    if (name.startsWith('a second')) batch[100] = { ...culprit, events: [...culprit.events] };
    const results = await appendBisecting(log.pool, batch);
    const refused = results.flatMap((result, index) => (result.ok ? [] : [[index, result.reason]]));
    expect(refused).toEqual([[317, name.startsWith('a second') ? 'conflict' : 'value']]);
    const [stored] = await log.sql<{ count: string }>('SELECT count(*) FROM events WHERE stream = ANY ($1)', [
      batch.map(({ stream }) => stream),
    ]);
    expect(Number(stored?.count)).toBe(499);
  });

  test('costs only itself through the task writer, and is told so', async () => {
    const writer = log.openWriter();
    const good = Array.from({ length: 499 }, () => writer.write(submit()));
    const culprits = [
      writer.write(submit({ labels: { a: '\0' } })),
      writer.write(submit({ input: 1n as never })),
      writer.write(submit({ requestDigest: '\0', idempotencyKey: 'key' })),
    ];
    expect(await Promise.all(culprits.map(codeOf))).toEqual(Array.from({ length: 3 }, () => 'VALUE_REFUSED'));
    for (const { events } of await Promise.all(good)) expect(events).toHaveLength(1);
    await holds();
  });
});

describe('a limit', () => {
  const claim = () => ({ type: 'Start', claimId: newId(), worker: 'w', agentVersion: '1', leaseMs: 60_000 }) as const;

  test('of N holds with many writers at once, and the counter is what the log says', async () => {
    await using own = await openLog();
    const LIMIT = 100;
    const limits = [{ key: openTasksKey(TENANT), max: LIMIT }];
    const writers = Array.from({ length: 8 }, () => own.openWriter({ maxConnections: 2 }));
    const codes = await Promise.all(
      writers.flatMap((writer) => Array.from({ length: 30 }, () => codeOf(writer.write(submit({}, { limits }))))),
    );
    expect(codes.filter((code) => code === 'LIMIT_REACHED')).toHaveLength(8 * 30 - LIMIT);
    expect(codes.filter((code) => code === 'nothing thrown')).toHaveLength(LIMIT);
    expect(await own.sql('SELECT key, value::int FROM counters')).toEqual([
      { key: openTasksKey(TENANT), value: LIMIT },
    ]);
    const [open] = await own.sql<{ id: string }>('SELECT id FROM tasks LIMIT 1');
    const taskId = open?.id ?? '';
    await own.writer.write(start(taskId));
    await own.writer.write(complete(taskId, 1));
    const again = await Promise.all([1, 2].map(() => codeOf(own.writer.write(submit({}, { limits })))));
    expect(again.toSorted()).toEqual(['LIMIT_REACHED', 'nothing thrown']);
    expect((await holds(own)).ledger).toMatchObject({ accepted: LIMIT + 1, open: LIMIT });
  });

  test('refuses its own command and leaves the others of the batch alone, whatever their order', async () => {
    await using own = await openLog();
    const limit = (max: number) => ({ key: openTasksKey(TENANT), max });
    const batch = [submitted({}, limit(0)), submitted(), submitted({}, limit(2)), submitted({}, limit(2)), submitted()];
    const results = await append(own.pool, batch);
    expect(results.map((result) => (result.ok ? 'stored' : result.reason))).toEqual([
      'limited',
      'stored',
      'stored',
      'limited',
      'stored',
    ]);
    expect((await holds(own)).ledger.open).toBe(3);
  });

  test('of one at a time is kept at each position: who follows in the same batch begins behind the end', async () => {
    await using own = await openLog();
    const keyed = { concurrencyKey: 'one' };
    const first = appendOf(newId(), undefined, [{ command: submission(keyed), thenStart: { command: claim() } }]);
    await append(own.pool, [first.append]);
    const done = appendOf(first.append.task?.id ?? '', first.known, [{ type: 'Complete', fence: 1, output: null }]);
    const waiting = appendOf(newId(), undefined, [submission(keyed)]);
    await append(own.pool, [waiting.append]);
    const next = appendOf(waiting.append.task?.id ?? '', waiting.known, [claim()]);
    const { head } = await readHead(own.pool);
    await append(own.pool, [submitted(), done.append, next.append]);
    const types = (await readEvents(own.pool, head, 10)).map(({ type }) => type);
    expect(types.indexOf('AttemptStarted')).toBeGreaterThan(types.indexOf('TaskCompleted'));
    await holds(own);
  });

  test('that refuses leaves no trace: no event, no row, no key, no counter', async () => {
    await using own = await openLog();
    const limits = [{ key: openTasksKey(TENANT), max: 0 }];
    expect(await codeOf(own.writer.write(submit({ idempotencyKey: 'key' }, { limits })))).toBe('LIMIT_REACHED');
    for (const table of ['events', 'commits', 'tasks', 'submissions', 'counters', 'outcomes', 'streams']) {
      expect([table, await own.sql(`SELECT * FROM ${table}`)]).toEqual([table, []]);
    }
    expect((await own.writer.write(submit({ idempotencyKey: 'key' }))).duplicateOf).toBeNull();
  });

  test('does not count what another check refuses', async () => {
    await using own = await openLog();
    const limit = { key: openTasksKey(TENANT), max: 1 };
    const stale = { ...submitted({}, limit), expectedVersion: 3 };
    const results = await append(own.pool, [stale, submitted({}, limit)]);
    expect(results.map((result) => result.ok)).toEqual([false, true]);
    await holds(own);
  });
});

describe('the row of a task', () => {
  test('is due, leased, and finished by the clock of Postgres', async () => {
    const { taskId } = await log.writer.write(submit({ dueInMs: 0, priority: 1, labels: { team: 'a' } }));
    const row = async () =>
      (await log.sql('SELECT *, wake_at - updated_at AS wait FROM tasks WHERE id = $1', [taskId]))[0];
    expect(await row()).toMatchObject({ status: 'queued', priority: 1, labels: { team: 'a' }, version: 1, wait: {} });
    await log.writer.write(start(taskId, { leaseMs: 12_000 }));
    expect(await row()).toMatchObject({ status: 'running', fence: 1, version: 2, wait: { seconds: 12 }, priority: 1 });
    const { recordedAt } = await log.writer.write(complete(taskId, 1, { a: 1 }));
    expect(await row()).toMatchObject({ status: 'completed', version: 3, wake_at: null, finished_at: recordedAt });
    const events = await readStream(log.pool, taskStream(taskId), 0, 10);
    expect(events.at(-1)).toMatchObject({ type: 'TaskCompleted', dataText: '{"fence":1,"output":{"a":1}}' });
  });
});
