import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@morningai/testbed/eventually';
import pg from 'pg';
import type { Drill } from '../drill.ts';
import { post } from '../load.ts';
import { taskOfKey } from '../read-log.ts';

/** Ends before an append gives up waiting for the lock (2 s). */
const HELD_MS = 1_000;
const REQUEST_MS = 200;
const COMMIT_MS = 10_000;
/** The lock of append, see 0001_log.sql. */
const APPEND_LOCK = 7_233_641_904_615;

export const ingestKilled: Drill = {
  name: 'ingest-killed',
  row: 'I2',
  fault: 'ingest is killed with SIGKILL between the commit of a task and its reply',
  expected: 'the repeat finds the same task',
  accepts: 'again',
  workers: 'healthy',
  async run(stage) {
    const { stack, load, signal, violated } = stage;
    const ingest = stack.component('ingest');
    const key = `${load.book.prefix}ingest-killed`;
    const body = { agent: 'echo', input: { delayMs: 100 } };
    const before = stack.idOf('ingest');

    // The append waits for the lock while ingest is stopped: so the commit comes when ingest cannot say so.
    const blocker = new pg.Client({ connectionString: stack.urls.databaseUrl });
    await blocker.connect();
    let answering: ReturnType<typeof post>;
    try {
      await blocker.query('SELECT pg_advisory_lock($1)', [APPEND_LOCK]);
      answering = post(stack.urls, key, body, signal);
      await eventually(() => appendWaits(blocker), { deadlineMs: HELD_MS, everyMs: 5, signal });
      // The append that waits may be of the load: our own request is on its way meanwhile.
      await delay(REQUEST_MS, undefined, { signal });
      await ingest.freeze();
    } finally {
      await blocker.end();
    }
    const task = await eventually(
      async () => {
        const found = await taskOfKey(stack.pool, key);
        if (found === undefined) throw new Error('the task was not recorded');
        return found;
      },
      { deadlineMs: COMMIT_MS, signal },
    );
    await ingest.kill();
    await ingest.start();
    const after = stack.idOf('ingest');
    stage.mark({ what: 'ingest', before, after, left: before !== after });
    const first = await answering;
    if (first.kind === 'accepted') violated('the reply was not lost');
    const answered = await load.submit({ ...body, key });
    if (answered !== task) violated(`the repeat was answered with ${answered}, the first is ${task}`);
  },
};

/** @throws while no append waits for the lock */
async function appendWaits(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`);
  if (rowCount === 0) throw new Error('no append waits');
}
