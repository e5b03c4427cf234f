import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { openTasksKey } from '@morningai/core/task-projection';
import { openProxy } from '@morningai/testbed/proxy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog, type TestLog } from '../test/open-log.ts';
import {
  codeOf,
  complete,
  expire,
  fail,
  release,
  request,
  runOne,
  start,
  startNew,
  step,
  submission,
  submit,
  TENANT,
} from '../test/requests.ts';
import { readHead, readStream, type LogEvent } from './read.ts';
import { taskStream } from './task-batch.ts';
import { createTaskWriter, type WriteRequest, type Written } from './task-writer.ts';
import { verifyLog } from './verify.ts';

let log: TestLog;
beforeAll(async () => {
  log = await openLog();
});
afterAll(() => log[Symbol.asyncDispose]());

async function typesOf(taskId: string, on: TestLog = log): Promise<string[]> {
  return (await readStream(on.pool, taskStream(taskId), 0, 100)).map(({ type }) => type);
}

async function commitsWith(taskId: string): Promise<number> {
  const rows = await log.sql(
    `SELECT DISTINCT c.last_position FROM events e JOIN commits c ON e.position BETWEEN c.first_position AND c.last_position
     WHERE e.stream = $1`,
    [taskStream(taskId)],
  );
  return rows.length;
}

describe('a repeated submit returns the same task', () => {
  test('by its id, from the same writer and from another', async () => {
    const first = submit();
    const { taskId } = await log.writer.write(first);
    for (const writer of [log.writer, log.openWriter()]) {
      expect(await writer.write(first)).toMatchObject({
        taskId,
        events: [],
        duplicateOf: null,
        state: { status: 'queued' },
      });
    }
    const other = request(taskId, submission({ requestDigest: 'other' }));
    for (const writer of [log.writer, log.openWriter()])
      expect(await codeOf(writer.write(other))).toBe('IDEMPOTENCY_MISMATCH');
    expect(await typesOf(taskId)).toEqual(['TaskSubmitted']);
  });

  test('by its id and key together, from a writer that has not seen it', async () => {
    const first = submit({ idempotencyKey: randomUUID() });
    await log.writer.write(first);
    const again = await log.openWriter().write(first);
    expect(again).toMatchObject({ taskId: first.taskId, events: [], duplicateOf: null, state: { status: 'queued' } });
  });

  test('by its key under another id; the same key with another request is refused', async () => {
    const idempotencyKey = randomUUID();
    const { taskId } = await log.writer.write(submit({ idempotencyKey }));
    for (const writer of [log.writer, log.openWriter()]) {
      const again = await writer.write(submit({ idempotencyKey }));
      expect(again).toMatchObject({ duplicateOf: taskId, events: [], state: { status: 'none' } });
      expect(await typesOf(again.taskId)).toEqual([]);
      const other = submit({ idempotencyKey, requestDigest: 'other' });
      expect(await codeOf(writer.write(other))).toBe('IDEMPOTENCY_MISMATCH');
    }
  });

  test('of two with one key at once, from one writer or two, one becomes the task of both', async () => {
    const other = log.openWriter();
    for (const writers of [
      [log.writer, log.writer],
      [log.writer, other],
    ]) {
      const idempotencyKey = randomUUID();
      const written = await Promise.all(writers.map((writer) => writer.write(submit({ idempotencyKey }))));
      const ids = new Set(written.map(({ taskId, duplicateOf }) => duplicateOf ?? taskId));
      expect(ids.size).toBe(1);
      expect(written.filter(({ events }) => events.length === 1)).toHaveLength(1);
    }
  });

  test('a key is the tenant’s own, and so is a task id', async () => {
    const idempotencyKey = randomUUID();
    const mine = await log.writer.write(submit({ idempotencyKey }));
    const theirs = await log.writer.write(submit({ idempotencyKey }, { tenant: 'other' }));
    expect(theirs).toMatchObject({ duplicateOf: null, events: [{ type: 'TaskSubmitted' }] });
    for (const writer of [log.writer, log.openWriter()]) {
      const stolen = submit({}, { tenant: 'other', taskId: mine.taskId });
      expect(await codeOf(writer.write(stolen))).toBe('IDEMPOTENCY_MISMATCH');
    }
  });
});

describe('several commands of one task', () => {
  test('in one batch are decided in sequence and become one append', async () => {
    const { taskId, fence } = await startNew(log.writer);
    const before = await commitsWith(taskId);
    const written = await Promise.all([
      log.writer.write(step(taskId, fence, 0)),
      log.writer.write(step(taskId, fence, 1)),
      log.writer.write(step(taskId, fence, 1)),
      log.writer.write(complete(taskId, fence)),
    ]);
    expect(written.map(({ events }) => events.map(({ type }) => type))).toEqual([
      ['StepCompleted'],
      ['StepCompleted'],
      [],
      ['TaskCompleted'],
    ]);
    expect(written.map(({ state }) => state)).toMatchObject([
      { steps: 1 },
      { steps: 2 },
      { steps: 2 },
      { status: 'completed' },
    ]);
    expect((await commitsWith(taskId)) - before).toBe(1);
  });

  test('are refused one by one, each for its own reason', async () => {
    const { taskId, fence } = await startNew(log.writer);
    const codes = await Promise.all([
      codeOf(log.writer.write(step(taskId, fence, 3))),
      codeOf(log.writer.write(step(taskId, fence, 0))),
      codeOf(log.writer.write(complete(taskId, fence + 1))),
      codeOf(log.writer.write(complete(taskId, fence))),
      codeOf(log.writer.write(fail(taskId, fence))),
    ]);
    expect(codes).toEqual(['STEP_OUT_OF_ORDER', 'nothing thrown', 'FENCED', 'nothing thrown', 'FENCED']);
    expect(await typesOf(taskId)).toEqual(['TaskSubmitted', 'AttemptStarted', 'StepCompleted', 'TaskCompleted']);
  });

  test('one whose value is refused costs the others of its task nothing', async () => {
    const { taskId, fence } = await startNew(log.writer);
    const codes = await Promise.all([
      codeOf(log.writer.write(step(taskId, fence, 0))),
      codeOf(log.writer.write(step(taskId, fence, 1, '\0'))),
      codeOf(log.writer.write(step(taskId, fence, 1, 'good'))),
      codeOf(log.writer.write(complete(taskId, fence))),
    ]);
    expect(codes).toEqual(['nothing thrown', 'VALUE_REFUSED', 'nothing thrown', 'nothing thrown']);
    expect((await typesOf(taskId)).slice(2)).toEqual(['StepCompleted', 'StepCompleted', 'TaskCompleted']);
  });

  test('a condition of one that stores nothing is no condition of the others', async () => {
    const taskId = (await log.writer.write(submit())).taskId;
    const claim = start(taskId);
    await log.writer.write(claim);
    // The claim again, as after a lost reply, beside a step of the attempt: the lease is in the future, as if not due.
    const [again, stepped] = await Promise.all([log.writer.write(claim), log.writer.write(step(taskId, 1, 0))]);
    expect(again).toMatchObject({ heldBack: null, events: [], state: { status: 'running', fence: 1 } });
    expect(stepped.events).toHaveLength(1);
    // An expiry of an attempt that is over, beside a step of the one that runs.
    const [late, next] = await Promise.all([log.writer.write(expire(taskId, 7)), log.writer.write(step(taskId, 1, 1))]);
    expect(late).toMatchObject({ heldBack: null, events: [] });
    expect(next.events).toHaveLength(1);
  });

  test('a limit that refuses the submission leaves nothing for the others, and says so to each', async () => {
    const first = submit({}, { limits: [{ key: openTasksKey('poor'), max: 0 }], tenant: 'poor' });
    const codes = await Promise.all([
      codeOf(log.writer.write(first)),
      codeOf(log.writer.write(complete(first.taskId, 1))),
    ]);
    expect(codes).toEqual(['LIMIT_REACHED', 'FENCED']);
    expect(await typesOf(first.taskId)).toEqual([]);
  });
});

describe('a submit that may be begun at once', () => {
  const thenStart = (fields: Partial<WriteRequest['thenStart']> = {}) => {
    const { command } = start('');
    if (command.type !== 'Start') throw new Error('no start');
    return { thenStart: { command, ...fields }, claimId: command.claimId };
  };

  test('is accepted and claimed in one commit', async () => {
    const { claimId, ...ask } = thenStart();
    const written = await log.writer.write(submit({}, ask));
    expect(written).toMatchObject({ version: 2, state: { status: 'running', fence: 1, claimId } });
    expect(await typesOf(written.taskId)).toEqual(['TaskSubmitted', 'AttemptStarted']);
    expect(await commitsWith(written.taskId)).toBe(1);
    expect(await log.writer.write(complete(written.taskId, 1))).toMatchObject({ state: { status: 'completed' } });
  });

  test('is accepted alone where a limit or a value refuses the start', async () => {
    const tenant = randomUUID();
    const full = thenStart({ runningLimits: { perTenant: 0, perAgent: null } });
    const unstorable = thenStart();
    const wrong = { ...unstorable.thenStart, command: { ...unstorable.thenStart.command, worker: '\ud800' } };
    for (const { thenStart } of [full, { thenStart: wrong }]) {
      const written = await log.writer.write(submit({}, { tenant, thenStart }));
      expect(written).toMatchObject({ version: 1, state: { status: 'queued', fence: 0 } });
      expect(await typesOf(written.taskId)).toEqual(['TaskSubmitted']);
    }
  });

  test('is refused as it would be without', async () => {
    const limits = [{ key: openTasksKey(TENANT), max: 0 }];
    expect(await codeOf(log.writer.write(submit({}, { limits, thenStart: thenStart().thenStart })))).toBe(
      'LIMIT_REACHED',
    );
    const wrong = submit({ input: '\ud800' }, { thenStart: thenStart().thenStart });
    expect(await codeOf(log.writer.write(wrong))).toBe('VALUE_REFUSED');
    expect(await typesOf(wrong.taskId)).toEqual([]);
  });

  test('finds its own claim when it is sent again', async () => {
    const { claimId, ...ask } = thenStart();
    const first = submit({}, ask);
    await log.writer.write(first);
    for (const writer of [log.writer, log.openWriter()]) {
      expect(await writer.write(first)).toMatchObject({ events: [], state: { status: 'running', claimId } });
    }
  });
});

describe('what one writer remembers', () => {
  test('never loses or refuses what is right on the log, whatever another writer did meanwhile', async () => {
    const [a, b] = [log.openWriter(), log.openWriter()];
    const { taskId } = await startNew(a);
    await b.write(release(taskId, 1));
    await b.write(start(taskId));
    // A remembers fence 1.
    expect(await a.write(complete(taskId, 2, 'right'))).toMatchObject({ state: { status: 'completed', fence: 2 } });
    // B remembers it running.
    expect(await codeOf(b.write(complete(taskId, 1)))).toBe('FENCED');
    expect(await b.write(complete(taskId, 2))).toMatchObject({ events: [], state: { status: 'completed' } });
    expect(await typesOf(taskId)).toHaveLength(5);
  });

  test('is no reason to begin a task that somebody else has', async () => {
    const [a, b] = [log.openWriter(), log.openWriter()];
    const { taskId } = await a.write(submit());
    await b.write(start(taskId));
    const mine = start(taskId);
    const { state, events } = await a.write(mine);
    expect(events).toEqual([]);
    expect(state.status === 'running' && state.claimId).not.toBe(mine.command.type === 'Start' && mine.command.claimId);
  });

  test('of 8 writers that race for 20 tasks, each task is begun by one and completed once', async () => {
    const writers = Array.from({ length: 8 }, () => log.openWriter({ maxConnections: 2 }));
    const tasks = await Promise.all(Array.from({ length: 20 }, () => log.writer.write(submit())));
    const race = writers.map(async (writer) => {
      const mine = await Promise.all(
        tasks.map(async ({ taskId }) => {
          const { events, state } = await writer.write(start(taskId));
          if (events.length === 0 || state.status !== 'running') return 0;
          await writer.write(complete(taskId, state.fence));
          return 1;
        }),
      );
      return mine.reduce<number>((sum, won) => sum + won, 0);
    });
    expect((await Promise.all(race)).reduce((sum, won) => sum + won, 0)).toBe(20);
    for (const { taskId } of tasks) {
      expect(await typesOf(taskId)).toEqual(['TaskSubmitted', 'AttemptStarted', 'TaskCompleted']);
    }
  });
});

describe('a writer tells', () => {
  test('its listeners of each stored change once, after the commit, and of no repeat', async () => {
    const writer = log.openWriter();
    const told: Written[] = [];
    writer.onWritten((written) => told.push(written));
    const first = submit();
    const { taskId } = await writer.write(first);
    expect(told).toMatchObject([{ taskId, version: 1, state: { status: 'queued' }, recordedAt: expect.any(Date) }]);
    await writer.write(first);
    await writer.write(start(taskId));
    await codeOf(writer.write(complete(taskId, 9)));
    expect(told.map(({ state }) => state.status)).toEqual(['queued', 'running']);
  });

  test('the events that are stored, as they are read back', async () => {
    const writer = log.openWriter();
    const told: LogEvent[] = [];
    writer.onLogged((events) => told.push(...events));
    const { taskId } = await writer.write(submit({ input: { b: 'ü"\\', a: [1.5] } }));
    await writer.write(start(taskId));
    await codeOf(writer.write(complete(taskId, 9)));
    expect(told).toEqual(await readStream(log.pool, taskStream(taskId), 0, 10));
  });

  test('what is wrong with a command that waited too long', async () => {
    const late = submit({}, { deadlineAt: performance.now() - 1 });
    expect(await codeOf(log.writer.write(late))).toBe('OVERLOADED');
    expect(await typesOf(late.taskId)).toEqual([]);
  });
});

describe('while Postgres does not answer', () => {
  test('whoever waits is told at his deadline, what was sent is unknown, and a repeat finds it', async () => {
    await using proxy = await openProxy({ target: log.url });
    const writer = log.openWriter({ url: proxy.through(log.url) });
    await runOne(writer);
    proxy.blackHole();
    const deadlineAt = performance.now() + 1_500;
    const sent = submit({}, { deadlineAt });
    let told = false;
    const lost = writer.write(sent).catch((error: unknown) => {
      told = true;
      return error;
    });
    await expect.poll(() => writer.waiting).toBe(0);
    // These wait behind the statement that hangs.
    const behind = Array.from({ length: 50 }, () => codeOf(writer.write(submit({}, { deadlineAt }))));
    expect(new Set(await Promise.all(behind))).toEqual(new Set(['OVERLOADED']));
    expect(told).toBe(false);
    expect(await lost).toMatchObject({ code: 'STORE_UNAVAILABLE', details: { outcome: 'unknown' } });
    proxy.pass();
    expect(await writer.write({ ...sent, deadlineAt: performance.now() + 20_000 })).toMatchObject({
      state: { status: 'queued' },
    });
    expect(await typesOf(sent.taskId)).toEqual(['TaskSubmitted']);
    await writer.close();
  });

  test('what was committed and whose reply was lost is found by its own writer', async () => {
    await using proxy = await openProxy({ target: log.url });
    const writer = log.openWriter({ url: proxy.through(log.url) });
    const { taskId, fence } = await startNew(writer);
    for (const make of [() => step(taskId, fence, 0), () => complete(taskId, fence)]) {
      // The statement arrives, nothing of its answer does.
      proxy.halfReply(1);
      const writing = writer.write(make());
      const types = async () => (await typesOf(taskId)).length;
      const before = await types();
      await expect.poll(types, { timeout: 10_000 }).toBeGreaterThan(before);
      proxy.pass();
      expect(await writing).toMatchObject({ events: [], recordedAt: null });
    }
    expect(await typesOf(taskId)).toEqual(['TaskSubmitted', 'AttemptStarted', 'StepCompleted', 'TaskCompleted']);
    await writer.close();
  });

  test('connections that are reset again and again lose nothing and double nothing', async () => {
    await using own = await openLog();
    await using proxy = await openProxy({ target: own.url });
    const writer = own.openWriter({ url: proxy.through(own.url) });
    const stop = new AbortController();
    let tasks = 0;
    const head = async () => (await readHead(own.pool)).head;
    const load = Array.from({ length: 40 }, async () => {
      for (; !stop.signal.aborted; tasks += 1) expect((await runOne(writer)).state.status).toBe('completed');
    });
    for (let cut = 0; cut < 20; cut += 1) {
      // One commit more or less between two cuts: never the same place in it.
      const until = (await head()) + (cut % 7);
      const { connections } = proxy.marks;
      proxy.reset();
      proxy.pass();
      await expect.poll(head, { interval: 5, timeout: 20_000 }).toBeGreaterThan(until);
      // What was under way at the cut may have raised the head alone: the next cut needs a connection to hit.
      await expect.poll(() => proxy.marks.connections, { interval: 5, timeout: 20_000 }).toBeGreaterThan(connections);
    }
    stop.abort();
    await Promise.all(load);
    expect(proxy.marks.resets).toBeGreaterThanOrEqual(20);
    const { problems, ledger } = await verifyLog(own.pool);
    expect(problems).toEqual([]);
    expect(ledger).toMatchObject({ accepted: tasks, completed: tasks });
    await writer.close();
  });
});

describe('closing a writer', () => {
  test('waits for what is on its way, refuses what waits and what is new, and may be asked twice', async () => {
    const writer = log.openWriter();
    await runOne(writer);
    const first = submit();
    const flying = writer.write(first);
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = writer.write(complete(first.taskId, 1));
    const closing = [writer.close(), writer.close()];
    expect(await codeOf(waiting)).toBe('DRAINING');
    expect(await codeOf(writer.write(submit()))).toBe('DRAINING');
    expect((await flying).events).toHaveLength(1);
    await Promise.all(closing);
    expect(writer.waiting).toBe(0);
  });

  test('ends at once where nothing is under way, and soon where Postgres is away', async () => {
    await log.openWriter().close();
    const writer = log.openWriter({ url: 'postgres://postgres@127.0.0.1:1/nowhere' });
    const written = writer.write(submit());
    await expect.poll(() => writer.waiting).toBe(1);
    await writer.close();
    expect(await codeOf(written)).toBe('DRAINING');
  });
});

test('works behind a transaction pooler: no named statement, no start-up option, no session state', async () => {
  await using own = await openLog();
  const pooled = own.openPool({ pooled: true, maxConnections: 1 });
  const writer = own.openWriter({ pooled: true });
  await Promise.all(Array.from({ length: 20 }, () => runOne(writer)));
  expect(await pooled.query({ name: 'a', sql: 'SELECT name FROM pg_prepared_statements' }, [])).toEqual([]);
  const [settings] = await pooled.query(
    { name: 'b', sql: `SELECT current_setting('role') AS role, current_setting('lock_timeout') AS lock_timeout` },
    [],
  );
  expect(settings).toEqual({ role: 'none', lock_timeout: '0' });
  expect(await verifyLog(own.openPool({ pooled: true }))).toMatchObject({ problems: [], ledger: { completed: 20 } });
});

test('a row that is deleted while it is changed undoes the whole append, which is made again', async () => {
  await using own = await openLog();
  const { taskId } = await own.writer.write(submit());
  const client = await own.connect();
  await client.query('BEGIN');
  await client.query('DELETE FROM tasks WHERE id = $1', [taskId]);
  const writing = Promise.all([own.writer.write(start(taskId)), own.writer.write(submit({ idempotencyKey: 'key' }))]);
  await expect
    .poll(() => own.sql(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%append%'`))
    .toHaveLength(1);
  await client.query('COMMIT');
  const [started, submitted] = await writing;
  expect(started.state.status).toBe('running');
  expect(submitted.duplicateOf).toBeNull();
  expect(await typesOf(taskId, own)).toEqual(['TaskSubmitted', 'AttemptStarted']);
  expect(await typesOf(submitted.taskId, own)).toEqual(['TaskSubmitted']);
  expect((await verifyLog(own.pool)).problems).toEqual([]);
});

test('a batch of more tasks than are remembered decides each on what was loaded: no outcome is refused for it', async () => {
  const submitted = await Promise.all(Array.from({ length: 6 }, () => log.writer.write(submit())));
  const ids = submitted.map(({ taskId }) => taskId);
  await Promise.all(ids.map((taskId) => log.writer.write(start(taskId))));
  const forgetful = createTaskWriter(log.openPool(), 2);
  const written = await Promise.all(ids.map((taskId) => forgetful.write(complete(taskId, 1))));
  expect(written.map(({ state }) => state.status)).toEqual(ids.map(() => 'completed'));
  await forgetful.close();
});
