import { openTasksKey } from '@morningai/core/task-projection';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noted, submitted } from '../test/appends.ts';
import { openHistory } from '../test/history.ts';
import { openLog, type TestLog } from '../test/open-log.ts';
import { complete, fail, retry, start, startNew, submit, TENANT } from '../test/requests.ts';
import { append } from './append.ts';
import { canonicalJson } from './digest.ts';
import { loggedEvent } from './folded-task.ts';
import type { Session } from './pool.ts';
import { readEvents, readStream } from './read.ts';
import { createTaskCheck } from './verify-tasks.ts';
import { eventPages, openSnapshot, parseEvent } from './verify-session.ts';
import { inWords, verifyLog } from './verify.ts';

/** By somebody who may do anything: no trigger fires for him. */
async function spoil(log: TestLog, statements: string): Promise<readonly string[]> {
  const client = await log.connect();
  await client.query(`SET session_replication_role = 'replica'`);
  await client.query(statements);
  return (await verifyLog(log.pool)).problems;
}

const OF_TASK = (type: string) => `(SELECT stream FROM events WHERE type = '${type}' ORDER BY position LIMIT 1)`;
const ID_OF = (type: string) =>
  `(SELECT substr(stream, 6)::uuid FROM events WHERE type = '${type}' ORDER BY position LIMIT 1)`;
const TAIL = '(SELECT max(position) FROM events)';

describe('the log refuses', () => {
  const changes = ['UPDATE %t SET recorded_at = now()', 'DELETE FROM %t', 'TRUNCATE %t'];
  const statements = ['events', 'commits'].flatMap((table) => changes.map((change) => change.replace('%t', table)));

  test.each(statements)('%s, to its application and to its owner', async (statement) => {
    await using log = await openHistory();
    const client = await log.connect();
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    await client.query('SET ROLE morningai_app');
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('to let its application change what was decided: outcomes, keys, the schema, its identity', async () => {
    await using log = await openHistory();
    const client = await log.connect();
    await client.query('SET ROLE morningai_app');
    for (const statement of [
      'UPDATE outcomes SET position = 1',
      'DELETE FROM outcomes',
      'DELETE FROM submissions',
      'UPDATE submissions SET task_id = NULL',
      'DELETE FROM tasks',
      'TRUNCATE tasks',
      'DELETE FROM counters',
      'DELETE FROM streams',
      'UPDATE log_identity SET incarnation = gen_random_uuid()',
      'ALTER TABLE events DISABLE TRIGGER ALL',
      'DROP TABLE events',
      "SET session_replication_role = 'replica'",
      'CREATE TABLE mine ()',
    ]) {
      const answer: unknown = await client.query(statement).catch((error: unknown) => error);
      expect([statement, answer]).toMatchObject([statement, { code: '42501' }]);
    }
  });
});

describe('verify', () => {
  test('of an empty log finds nothing, and nothing wrong', async () => {
    await using log = await openLog();
    expect(await verifyLog(log.pool)).toEqual({
      incarnation: expect.stringMatching(/^[0-9a-f-]{36}$/),
      head: 0,
      chain: '',
      ledger: { accepted: 0, completed: 0, failed: 0, cancelled: 0, open: 0 },
      recordedTwice: 0,
      foreign: 0,
      problems: [],
    });
  });

  test('of a sound log counts the ledger, tells its progress and its newest chain digest', async () => {
    await using log = await openHistory();
    const seen: number[] = [];
    const report = await verifyLog(log.pool, { progress: (position) => seen.push(position) });
    expect(report).toMatchObject({
      ledger: { accepted: 11, completed: 4, failed: 2, cancelled: 0, open: 5 },
      recordedTwice: 0,
      problems: [],
    });
    expect(seen).toEqual([report.head]);
    const [newest] = await log.sql(
      `SELECT encode(chain, 'hex') AS chain FROM commits ORDER BY last_position DESC LIMIT 1`,
    );
    expect(newest).toEqual({ chain: report.chain });
    expect((await verifyLog(log.pool, { anchor: report })).problems).toEqual([]);
    await log.writer.write(submit());
    expect((await verifyLog(log.pool, { anchor: report })).problems).toEqual([]);
  });

  test('can be stopped', async () => {
    await using log = await openHistory();
    await expect(verifyLog(log.pool, { signal: AbortSignal.abort() })).rejects.toThrow();
  });

  test('goes beside appends, and sees one moment of them', async () => {
    await using log = await openHistory();
    const stop = new AbortController();
    const load = (async () => {
      while (!stop.signal.aborted) await Promise.all(Array.from({ length: 20 }, () => log.writer.write(submit())));
    })();
    for (let n = 0; n < 5; n += 1) expect((await verifyLog(log.pool)).problems).toEqual([]);
    stop.abort();
    await load;
  });

  test('finds the same with little memory', async () => {
    await using log = await openHistory();
    const { problems, totals } = await checkStepByStep(log);
    expect(problems).toEqual([]);
    expect(totals.ledger).toEqual({ accepted: 11, completed: 4, failed: 2, cancelled: 0, open: 5 });
    expect(totals.counters.get(openTasksKey(TENANT))).toBe(4);
  });

  test('does not read open tasks again, however many there are', async () => {
    await using log = await openLog();
    for (let n = 0; n < 10; n += 1) await log.writer.write(submit());
    const { problems, totals, asked } = await checkStepByStep(log);
    expect(problems).toEqual([]);
    expect(totals.ledger).toMatchObject({ accepted: 10, open: 10 });
    expect(asked).not.toContain('fold_streams');
  });

  test.each(['DELETE FROM tasks', 'DELETE FROM tasks; INSERT INTO tasks SELECT * FROM copy'])(
    'counts a task that goes on behind its row once: %s',
    async (spoiled) => {
      await using log = await openLog();
      const [going, waiting] = [await startNew(log.writer), await log.writer.write(submit())];
      await log.writer.write(fail(going.taskId, 1, null));
      await log.sql('CREATE TABLE copy AS SELECT * FROM tasks');
      for (let n = 0; n < 3; n += 1) await log.writer.write(submit());
      await log.writer.write(retry(going.taskId));
      for (const { taskId } of [going, waiting]) await log.writer.write(start(taskId));
      await log.writer.write(complete(going.taskId, 2));
      await log.sql(spoiled);
      const { problems, totals } = await checkStepByStep(log);
      expect(totals).toMatchObject({ ledger: { accepted: 5, completed: 1, failed: 0, open: 4 }, outcomes: 2 });
      expect(totals.counters.get(openTasksKey(TENANT))).toBe(4);
      for (const { taskId } of [going, waiting])
        expect(problems.filter((problem) => problem.includes(taskId))).toHaveLength(1);
    },
  );
});

/** With room for two open tasks, and each event on a page of its own. */
async function checkStepByStep(log: TestLog) {
  const snapshot = await openSnapshot(log.pool);
  const problems: string[] = [];
  const asked: string[] = [];
  const rows: Session = {
    ...snapshot.rows,
    query(statement, values) {
      asked.push(statement.name);
      return snapshot.rows.query(statement, values);
    },
  };
  const check = createTaskCheck(rows, {
    report: (problem) => void problems.push(problem),
    onDifferences: (differences) => void problems.push(...differences.map(inWords)),
    foldedMax: 2,
  });
  for await (const page of eventPages(snapshot.events)) {
    for (const event of page.map(parseEvent).filter(({ stream }) => stream.startsWith('task/'))) {
      check.next(event.stream.slice('task/'.length), loggedEvent(event, event.recordedAt));
      await check.flush();
    }
  }
  const totals = await check.end();
  snapshot.release();
  return { problems, totals, asked };
}

describe('verify names', () => {
  test.each<[string, string, RegExp[]]>([
    ['changed data', `UPDATE events SET data = '{}' WHERE position = 5`, [/^position 5: the digest does not fit/]],
    ['another tenant', `UPDATE events SET tenant = 'x' WHERE position = 4`, [/^position 4: the digest does not fit/]],
    ['another version', `UPDATE events SET version = 99 WHERE position = 2`, [/^position 2: the digest does not fit/]],
    [
      'changed data with a digest that fits',
      `UPDATE events SET data = '{}', digest = sha256(convert_to(format(
         '{"data":"%s","life":%s,"stream":"%s","tenant":"%s","type":"%s","version":%s}', encode(sha256('{}'), 'hex'),
         life, stream, tenant, type, version), 'UTF8')) WHERE position = 5`,
      [/^positions 5–5: the chain breaks here/],
    ],
    ['the time of an event', `UPDATE events SET recorded_at = now() WHERE position = 5`, [/^position 5: recorded at/]],
    [
      'the time of a commit',
      `UPDATE commits SET recorded_at = now() WHERE last_position = 5`,
      [/^positions 5–5: the chain/],
    ],
    ['a removed event', `DELETE FROM events WHERE position = 5`, [/^position 5 is missing/]],
    ['removed events', `DELETE FROM events WHERE position BETWEEN 5 AND 9`, [/^positions 5–9 are missing/]],
    ['the removed first event', `DELETE FROM events WHERE position = 1`, [/^position 1 is missing/]],
    [
      'the removed last event',
      `DELETE FROM events WHERE position = ${TAIL}`,
      [/^positions? \d+(–\d+)? (is|are) missing/],
    ],
    [
      'swapped events',
      `UPDATE events SET position = -5 WHERE position = 5; UPDATE events SET position = 5 WHERE position = 6;
       UPDATE events SET position = 6 WHERE position = -5`,
      [/^positions 5–5: the chain breaks here/],
    ],
    ['a removed commit', `DELETE FROM commits WHERE last_position = 5`, [/^position 5: no commit has it/]],
    [
      'the removed last commit',
      `DELETE FROM commits WHERE last_position = ${TAIL}`,
      [/^position \d+: no commit has it/],
    ],
    [
      'a removed commit in a range that was closed',
      `DELETE FROM commits WHERE last_position = 5; UPDATE commits SET first_position = 5 WHERE last_position = 6`,
      [/^positions 5–6: the chain breaks here/],
    ],
    [
      'an event that nobody appended',
      `INSERT INTO events SELECT position + 1, recorded_at, 3, 0, 'dispatch', tenant, type, digest, data FROM events
       WHERE position = ${TAIL}`,
      [/: the digest does not fit/, /: no commit has it/],
    ],
  ])('%s, with its position', async (_, statements, expected) => {
    await using log = await openHistory();
    const problems = await spoil(log, statements);
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
  });

  // Found by the drill row-edited: what such an event folds to is no JSON, and verify ended with an error in place of a finding.
  test('the position of any event whose data was emptied, whatever its fold comes to', async () => {
    await using log = await openHistory();
    const client = await log.connect();
    await client.query('SET session_replication_role = replica');
    const { rows } = await client.query<{ position: number; data: string }>('SELECT position, data::text FROM events');
    for (const { position, data } of rows) {
      const write = (text: string) =>
        client.query('UPDATE events SET data = $2::json WHERE position = $1', [position, text]);
      for (const edited of ['{"edited":true}', 'null', '[1]', '"text"']) {
        await write(edited);
        const { problems } = await verifyLog(log.pool);
        expect(problems).toContainEqual(expect.stringMatching(`^position ${position}: the digest does not fit`));
      }
      await write(data);
    }
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  const columns = {
    tenant: `'x'`,
    agent: `'x'`,
    priority: '3',
    fence: 'fence + 1',
    version: 'version + 1',
    labels: `'{"team": "blue"}'`,
    wake_at: `wake_at + interval '1 millisecond'`,
    created_at: `created_at - interval '1 microsecond'`,
    updated_at: 'now()',
    started_at: 'now()',
    submitted_position: '1',
    status: `'waiting'`,
    state: `jsonb_set(state::jsonb, '{failures}', '2')::json`,
  };

  test.each(Object.entries(columns))('an edited task: its %s', async (column, value) => {
    await using log = await openHistory();
    const problems = await spoil(log, `UPDATE tasks SET ${column} = ${value} WHERE id = ${ID_OF('StepCompleted')}`);
    const camel = column.replace(/_(.)/, (_, letter: string) => letter.toUpperCase());
    expect(problems).toEqual([
      expect.stringMatching(`task [0-9a-f-]{36}: its row is not the fold of its events \\(${camel}\\)`),
    ]);
  });

  test.each<[string, string, string[]]>([
    [
      'a task whose outcome was edited',
      `UPDATE tasks SET outcome_position = 1 WHERE id = ${ID_OF('TaskCompleted')}`,
      ['task .*: its row is not the fold of its events \\(outcomePosition\\)'],
    ],
    [
      'a removed task',
      `DELETE FROM tasks WHERE id = ${ID_OF('StepCompleted')}`,
      ['task .*: it is in the log, its row is not there', 'tasks: 10 in the database, 11 by the log'],
    ],
    [
      'a task out of nowhere',
      `INSERT INTO tasks SELECT gen_random_uuid(), created_at, updated_at, started_at, finished_at, wake_at, expires_at,
         submitted_position, outcome_position, version, fence, priority, status, tenant, agent, labels, state FROM tasks LIMIT 1`,
      ['tasks: 12 in the database, 11 by the log'],
    ],
    [
      'a wrong counter',
      `UPDATE counters SET value = 99 WHERE key = '${openTasksKey(TENANT)}'`,
      ['counter open/acme: 99 in the database, 4 by the log'],
    ],
    [
      'a removed counter',
      `DELETE FROM counters WHERE key LIKE 'open/%'`,
      ['counter open/acme: 0 in', 'counter open/other: 0 in'],
    ],
    [
      'a counter out of nowhere',
      `INSERT INTO counters VALUES ('x', 1)`,
      ['counter x: 1 in the database, 0 by the log'],
    ],
    [
      'a removed outcome',
      `DELETE FROM outcomes WHERE position = ${TAIL}`,
      ['task .*: its row is not the fold of its events \\(outcomes\\)', 'rows of outcomes: 5 in the database, 6 by'],
    ],
    [
      'an outcome that points elsewhere',
      `UPDATE outcomes SET position = 1 WHERE position = ${TAIL}`,
      ['task .*: its row is not the fold of its events \\(outcomes\\)'],
    ],
    [
      'a removed key',
      `DELETE FROM submissions`,
      [
        'task .*: its row is not the fold of its events \\(submission\\)',
        'rows of submissions: 0 in the database, 1 by the log',
      ],
    ],
    [
      'a key given to another task',
      `UPDATE submissions SET task_id = gen_random_uuid()`,
      ['task .*: its row is not the fold of its events \\(submission\\)'],
    ],
    [
      'a removed stream',
      `DELETE FROM streams WHERE stream = 'check/a'`,
      ['streams: 2 in', 'versions of streams: 3 in'],
    ],
    [
      'an edited stream',
      `UPDATE streams SET version = 9 WHERE stream = 'dispatch'`,
      ['versions of streams: 11 in the'],
    ],
  ])('%s', async (_, statements, expected) => {
    await using log = await openHistory();
    const problems = await spoil(log, statements);
    expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test('an outcome recorded twice, though everything else fits', async () => {
    await using log = await openHistory();
    const [task] = await log.sql<{ stream: string }>(`SELECT ${OF_TASK('TaskCompleted')} AS stream`);
    const twice = {
      ...noted(task?.stream ?? '', 3),
      events: [{ type: 'TaskCompleted', life: 1, data: { fence: 1, output: 2 } }],
    };
    await log.sql(`INSERT INTO streams VALUES ('${task?.stream}', 3)`);
    await append(log.pool, [twice]);
    await log.sql(`DELETE FROM streams WHERE stream LIKE 'task/%'`);
    const { recordedTwice, problems } = await verifyLog(log.pool);
    expect(recordedTwice).toBe(1);
    expect(problems).toContainEqual(expect.stringMatching('its row is not the fold of its events'));
  });

  test('a tail that was cut off without a trace, to whoever noted the head before', async () => {
    await using log = await openHistory();
    const anchor = await verifyLog(log.pool);
    await log.writer.write(submit());
    const later = await verifyLog(log.pool);
    await spoil(
      log,
      `DELETE FROM tasks WHERE submitted_position = ${TAIL}; UPDATE counters SET value = value - 1 WHERE key = 'open/acme';
       DELETE FROM commits WHERE last_position = ${TAIL}; DELETE FROM events WHERE position = ${TAIL}`,
    );
    expect((await verifyLog(log.pool)).problems).toEqual([]);
    expect((await verifyLog(log.pool, { anchor })).problems).toEqual([]);
    expect((await verifyLog(log.pool, { anchor: later })).problems).toEqual([
      `the log ends at ${anchor.head}; no commit ends at ${later.head}, which was anchored`,
    ]);
    const forged = { ...anchor, chain: '00'.repeat(32) };
    expect((await verifyLog(log.pool, { anchor: forged })).problems).toEqual([
      `position ${anchor.head}: the chain is not the one that was anchored`,
    ]);
  });

  test('a task of a newer release as foreign, not as wrong', async () => {
    await using log = await openLog();
    const submission = submitted();
    await append(log.pool, [submission]);
    const paused = {
      ...submission,
      expectedVersion: 1,
      events: [{ type: 'TaskPausedByANewerRelease', life: 1, data: {} }],
      guards: [],
      task: submission.task && { ...submission.task, status: 'waiting', state: { status: 'paused' } },
    };
    await append(log.pool, [paused]);
    expect(await verifyLog(log.pool)).toMatchObject({ foreign: 1, problems: [], ledger: { accepted: 1, open: 1 } });
  });
});

describe('data survives the store byte for byte', () => {
  const storable = fc
    .jsonValue({ stringUnit: 'grapheme' })
    .filter((value) => !JSON.stringify(value).includes(String.raw`\u0000`));
  const special = [
    1e21,
    -0,
    5e-324,
    1.7976931348623157e308,
    0.1 + 0.2,
    2 ** 53,
    '\u2028\u2029',
    '\u007f',
    '😀',
    '\\u0000',
    '"',
  ];

  test('in canonical form, and its digest with it', async () => {
    await using log = await openLog();
    const sample = [...fc.sample(storable, 400), ...special, { '': [], '\ufb33': {}, '\u{1f600}': [null, [[]]] }];
    const appends = sample.map((data, index) => noted(`check/${index}`, 0, { data }));
    await append(log.pool, appends);
    const events = [];
    while (events.length < sample.length) events.push(...(await readEvents(log.pool, events.length, 100)));
    expect(events.map(({ dataText }) => dataText)).toEqual(sample.map((data) => canonicalJson({ data })));
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });

  test('of any size that is allowed, and large ones come in smaller pages', async () => {
    await using log = await openLog();
    const large = 'é'.repeat(256 * 1024);
    for (let n = 0; n < 20; n += 1) await append(log.pool, [noted('check/large', n, large)]);
    const first = await readEvents(log.pool, 0, 100);
    expect(first.length).toBeGreaterThan(10);
    expect(first.length).toBeLessThan(20);
    const rest = await readEvents(log.pool, first.length, 100);
    expect([...first, ...rest].map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect((await readStream(log.pool, 'check/large', 19, 1))[0]?.dataText).toBe(JSON.stringify(large));
    expect((await verifyLog(log.pool)).problems).toEqual([]);
  });
});
