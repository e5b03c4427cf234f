import { describe, expect, test } from 'vitest';
import { openHistory } from '../test/history.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import {
  complete,
  fail,
  release,
  retry,
  runOne,
  start,
  startNew,
  submission,
  submit,
  request,
} from '../test/requests.ts';
import { renewLeases } from './leases.ts';
import { healTasks } from './mend-tasks.ts';
import type { Pool } from './pool.ts';
import { isSound, replayLog, type ReplayOptions, type ReplayReport } from './replay.ts';
import { verifyLog } from './verify.ts';

const NOTHING = { missing: 0, extra: 0, different: 0 };

async function replay(log: TestLog, options: ReplayOptions = {}): Promise<ReplayReport> {
  const steps = replayLog(log.pool, options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done === true) return value;
  }
}

/** Everything that replay may write. */
async function dump(log: TestLog): Promise<unknown> {
  const [all] = await log.sql(`SELECT
    (SELECT json_agg(t ORDER BY id) FROM tasks t) AS tasks, (SELECT json_agg(o ORDER BY position) FROM outcomes o) AS outcomes,
    (SELECT json_agg(s ORDER BY task_id) FROM submissions s) AS submissions,
    (SELECT json_agg(s ORDER BY stream) FROM streams s) AS streams,
    (SELECT json_agg(c ORDER BY key) FROM counters c WHERE value <> 0) AS counters`);
  return all;
}

const ANY_TASK = '(SELECT id FROM tasks ORDER BY id LIMIT 1)';

describe('replay', () => {
  test('of a sound log changes nothing, not even a row version', async () => {
    await using log = await openHistory();
    const versions = () => log.sql('SELECT id, xmin, ctid FROM tasks ORDER BY id');
    const before = await versions();
    const report = await replay(log);
    expect(isSound(report)).toBe(true);
    expect(report).toMatchObject({ dryRun: false, foreign: 0, examples: [] });
    expect(await versions()).toEqual(before);
  });

  test.each<[string, string, object]>([
    ['all tasks deleted', 'DELETE FROM tasks', { tasks: { ...NOTHING, missing: 11 } }],
    [
      'a task edited',
      `UPDATE tasks SET status = 'queued', priority = 3, wake_at = now(), labels = '{}' WHERE id = ${ANY_TASK}
        AND outcome_position IS NULL;
       UPDATE tasks SET agent = 'x', created_at = now() WHERE id = ${ANY_TASK}`,
      { tasks: { ...NOTHING, different: 1 } },
    ],
    [
      'a task out of nowhere',
      `SET session_replication_role = 'replica';
       INSERT INTO tasks SELECT (json_populate_record(t, json_build_object('id', gen_random_uuid()))).* FROM tasks t
       WHERE id = ${ANY_TASK}`,
      { tasks: { ...NOTHING, extra: 1 } },
    ],
    ['outcomes deleted', 'DELETE FROM outcomes', { outcomes: { ...NOTHING, different: 6 } }],
    ['an outcome moved', 'UPDATE outcomes SET position = 1', { outcomes: { ...NOTHING, different: 6 } }],
    [
      'an outcome out of nowhere',
      'INSERT INTO outcomes VALUES (gen_random_uuid(), 1, 1)',
      { outcomes: { ...NOTHING, extra: 1 } },
    ],
    ['keys deleted', 'DELETE FROM submissions', { submissions: { ...NOTHING, different: 1 } }],
    [
      'a key out of nowhere',
      `INSERT INTO submissions VALUES ('acme', 'nobody''s', gen_random_uuid(), 'x')`,
      { submissions: { ...NOTHING, extra: 1 } },
    ],
    [
      'streams deleted, edited, out of nowhere',
      `DELETE FROM streams WHERE stream = 'check/a'; UPDATE streams SET version = 7 WHERE stream = 'dispatch';
       INSERT INTO streams VALUES ('check/c', 1), ('zzz', 1)`,
      { streams: { missing: 1, different: 1, extra: 2 } },
    ],
    [
      'counters deleted, edited, out of nowhere',
      `DELETE FROM counters WHERE key = 'open/other'; UPDATE counters SET value = 99 WHERE key = 'open/acme';
       INSERT INTO counters VALUES ('open/nobody', 5)`,
      { counters: { missing: 1, different: 1, extra: 1 } },
    ],
    [
      'everything but the log deleted',
      'DELETE FROM tasks; DELETE FROM outcomes; DELETE FROM submissions; DELETE FROM streams; DELETE FROM counters',
      { tasks: { ...NOTHING, missing: 11 }, streams: { ...NOTHING, missing: 3 } },
    ],
  ])('mends %s, and a dry run only finds it', async (_, statements, tables) => {
    await using log = await openHistory();
    const whole = await dump(log);
    await log.sql(statements);
    const spoiled = await dump(log);
    expect((await verifyLog(log.pool)).problems).not.toEqual([]);

    const dry = await replay(log, { dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, tables });
    expect(dry.examples).not.toEqual([]);
    expect(await dump(log)).toEqual(spoiled);

    expect(await replay(log)).toMatchObject({ dryRun: false, tables: dry.tables });
    expect(await dump(log)).toEqual(whole);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
    expect(isSound(await replay(log))).toBe(true);
  });

  test('goes beside appends: tables that are deleted under load are whole again, and nothing ran twice', async () => {
    await using log = await openHistory();
    const stop = new AbortController();
    const writers = [log.writer, log.openWriter()];
    let completed = 0;
    const load = Array.from({ length: 20 }, async (_, n) => {
      while (!stop.signal.aborted) {
        const written = await runOne(writers[n % 2] ?? log.writer);
        // One claim, and it holds to its end, whatever becomes of the tables meanwhile.
        expect(written.state).toMatchObject({ status: 'completed', fence: 1, failures: 0 });
        completed += 1;
      }
    });
    for (let n = 0; n < 4; n += 1) {
      await expect.poll(() => completed).toBeGreaterThan((n + 1) * 100);
      await log.sql(
        n % 2 === 0 ? 'DELETE FROM tasks' : `UPDATE tasks SET priority = 3, agent = 'x' WHERE priority < 3`,
      );
      const { tables } = await replay(log);
      expect(tables.tasks.missing + tables.tasks.different).toBeGreaterThan(0);
    }
    stop.abort();
    await Promise.all(load);
    await replay(log);
    const report = await verifyLog(log.pool);
    expect(report).toMatchObject({ problems: [], recordedTwice: 0 });
    expect(report.ledger).toMatchObject({ completed: 4 + completed, failed: 2, open: 5 });
    expect(await log.sql(`SELECT count(*)::int AS attempts FROM events WHERE type = 'AttemptStarted'`)).toEqual([
      { attempts: 10 + completed },
    ]);
  });

  test('counts a task of two lives once, also where its first outcome is far behind in the log', async () => {
    await using log = await openLog();
    const { taskId } = await startNew(log.writer);
    await log.writer.write(fail(taskId, 1, null));
    for (let n = 0; n < 5; n += 1) await Promise.all(Array.from({ length: 500 }, () => log.writer.write(submit())));
    await log.writer.write(retry(taskId));
    await log.writer.write(start(taskId));
    await log.writer.write(complete(taskId, 2));
    await log.sql('DELETE FROM tasks');
    expect((await verifyLog(log.pool)).ledger).toMatchObject({ accepted: 2_501, completed: 1, failed: 0, open: 2_500 });
    expect((await replay(log)).tables.tasks).toEqual({ missing: 2_501, extra: 0, different: 0 });
    expect((await verifyLog(log.pool)).problems).toEqual([]);
    expect(await log.sql('SELECT life FROM outcomes ORDER BY life')).toEqual([{ life: 1 }, { life: 2 }]);
  });

  test('that is stopped half-way leaves rows that are right or not there, and the next one ends it', async () => {
    await using log = await openLog();
    await Promise.all(Array.from({ length: 2_500 }, () => log.writer.write(submit())));
    await log.sql('DELETE FROM tasks');
    const stop = new AbortController();
    const steps = replayLog(log.pool, { signal: stop.signal });
    expect((await steps.next()).value).toMatchObject({ position: 2_000, head: 2_500 });
    stop.abort();
    await expect(steps.next()).rejects.toThrow();
    const { problems } = await verifyLog(log.pool);
    expect(problems.every((problem) => /its row is not there|^tasks: \d+ in/.test(problem))).toBe(true);
    expect((await replay(log)).tables.tasks.different).toBe(0);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('whose reader goes away gives its place to the next one', async () => {
    await using log = await openHistory();
    const steps = replayLog(log.pool);
    await steps.next();
    await expect(replay(log)).rejects.toMatchObject({ code: 'REPLAY_RUNNING' });
    await steps.return(undefined as never);
    await expect.poll(() => replay(log).catch(() => null)).toMatchObject({ examples: [] });
  });

  test('twice at once is done once, and counters are not mended twice', async () => {
    await using log = await openHistory();
    await log.sql(`UPDATE counters SET value = 99 WHERE key = 'open/acme'; DELETE FROM tasks`);
    const results = await Promise.allSettled([replay(log), replay(log), replay(log)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).not.toEqual([]);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'REPLAY_RUNNING' });
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });
});

describe('two replays', () => {
  /** Lets another replay have its whole turn just before this one asks for its own. */
  function overtaken(log: TestLog): Pool {
    return {
      ...log.pool,
      async session(options) {
        const session = await log.pool.session(options);
        return {
          ...session,
          async query(statement, values) {
            if (statement.sql.includes('pg_try_advisory_xact_lock')) {
              await replay(log);
              const locks = `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                             WHERE l.locktype = 'advisory' AND d.datname = current_database()`;
              await expect.poll(() => log.sql(locks)).toEqual([]);
            }
            return session.query(statement, values);
          },
        };
      },
    };
  }

  test('of which one has its turn while the other begins mend the counters once', async () => {
    await using log = await openHistory();
    await log.sql(`UPDATE counters SET value = 99 WHERE key = 'open/acme'`);
    expect(isSound(await replay({ ...log, pool: overtaken(log) }))).toBe(true);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });
});

describe('a row that was deleted', () => {
  test('is put back by whoever writes of its task: an outcome, a step, a release is recorded', async () => {
    await using log = await openLog();
    const other = log.openWriter();
    const [kept, cold, released] = [await startNew(log.writer), await startNew(log.writer), await startNew(log.writer)];
    await log.sql('DELETE FROM tasks');
    // One writer remembers the task, the other one has never seen it.
    expect((await log.writer.write(complete(kept.taskId, 1, 'done'))).state.status).toBe('completed');
    expect((await other.write(complete(cold.taskId, 1, 'done'))).state.status).toBe('completed');
    expect((await other.write(release(released.taskId, 1))).state.status).toBe('queued');
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('does not make a zombie of its worker: the fence decides as before', async () => {
    await using log = await openLog();
    const { taskId } = await startNew(log.writer);
    await log.writer.write(release(taskId, 1));
    await log.writer.write(start(taskId));
    await log.sql('DELETE FROM tasks');
    const other = log.openWriter();
    await expect(other.write(complete(taskId, 1))).rejects.toMatchObject({ code: 'FENCED' });
    expect((await other.write(complete(taskId, 2))).state.status).toBe('completed');
  });

  test('costs no running attempt its lease', async () => {
    await using log = await openLog();
    const { taskId, fence } = await startNew(log.writer);
    await log.sql('DELETE FROM tasks');
    expect(await renewLeases(log.pool, [{ taskId, fence, leaseMs: 10_000 }])).toMatchObject([{ taskId, fence }]);
    expect(await renewLeases(log.pool, [{ taskId, fence: 9, leaseMs: 10_000 }])).toEqual([]);
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('costs it none either when somebody else puts the row back between two looks', async () => {
    await using log = await openLog();
    const { taskId, fence } = await startNew(log.writer);
    await log.sql('DELETE FROM tasks');
    const overtaken: Pool = {
      ...log.pool,
      async query(statement, values) {
        if (statement.name === 'missing_tasks') await healTasks(log.pool, [taskId]);
        return log.pool.query(statement, values);
      },
    };
    expect(await renewLeases(overtaken, [{ taskId, fence, leaseMs: 10_000 }])).toMatchObject([{ taskId, fence }]);
  });

  test('lets the same submit be repeated, with its key and without', async () => {
    await using log = await openLog();
    const [keyed, plain] = [submit({ idempotencyKey: 'k' }), submit()];
    for (const one of [keyed, plain]) await log.writer.write(one);
    await log.sql('DELETE FROM tasks');
    const other = log.openWriter();
    for (const one of [keyed, plain]) expect(await other.write(one)).toMatchObject({ events: [], version: 1 });
    const changed = request(plain.taskId, submission({ requestDigest: 'another' }));
    await expect(log.openWriter().write(changed)).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('and is no task of the log stays away', async () => {
    await using log = await openLog();
    const { taskId } = submit();
    expect((await log.writer.write(start(taskId))).state.status).toBe('none');
    await expect(log.writer.write(complete(taskId, 1))).rejects.toMatchObject({ code: 'FENCED' });
    expect(await log.sql('SELECT FROM tasks')).toEqual([]);
  });

  test('between the version check and the write of one append is not begun anew without its beginning', async () => {
    await using log = await openLog();
    const tasks = await Promise.all(Array.from({ length: 20 }, () => startNew(log.writer)));
    const deleter = await log.connect();
    await deleter.query('BEGIN');
    await deleter.query('DELETE FROM tasks');
    // They wait for the rows, which are still there for whoever only looks.
    const outcomes = tasks.map(({ taskId, fence }) => log.writer.write(complete(taskId, fence)));
    await expect
      .poll(() => log.sql(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%append%'`))
      .not.toEqual([]);
    await deleter.query('COMMIT');
    for (const outcome of outcomes) expect((await outcome).state.status).toBe('completed');
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('and put back as it once was is found by the next write, and mended', async () => {
    await using log = await openLog();
    const { taskId } = await log.writer.write(submit());
    await log.sql('CREATE TABLE copy AS SELECT * FROM tasks');
    await log.writer.write(start(taskId));
    await log.sql(`DELETE FROM tasks; INSERT INTO tasks SELECT * FROM copy`);
    const other = log.openWriter();
    // By the row it is queued; by the log it runs already.
    expect((await other.write(start(taskId))).state).toMatchObject({ status: 'running', fence: 1 });
    expect((await log.openWriter().write(complete(taskId, 1))).state.status).toBe('completed');
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });
});
