import { verifyLog } from '@morningai/log/verify';
import pg from 'pg';
import type { Drill } from '../drill.ts';
import { headOf } from '../read-log.ts';

export const rowEdited: Drill = {
  name: 'row-edited',
  row: 'P4',
  fault: 'a superuser edits one event of the log, behind the back of everybody; afterwards he puts it back',
  expected: 'verify names its position, and nothing else',
  accepts: 'every',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const { stack, random, signal, violated, mark } = stage;
    const position = 1 + Math.floor(random() * (await headOf(stack.pool)));
    const superuser = new pg.Client({ connectionString: stack.urls.databaseUrl });
    await superuser.connect();
    const write = (data: string) => superuser.query(EDIT, [position, data]);
    const verifyEdited = async (before: string) => {
      try {
        await write('{"edited":true}');
        return await verifyLog(stack.pool, { signal });
      } finally {
        await write(before);
      }
    };
    try {
      // Even he is refused, until he takes the trigger away.
      const refused = await write('{}').then(
        () => 'nothing',
        (error: Error) => error.message,
      );
      stage.note(`with the trigger in place: ${refused}`);
      const { rows } = await superuser.query<{ data: string }>('SELECT data::text FROM events WHERE position = $1', [
        position,
      ]);
      const before = rows[0]?.data ?? '';
      await superuser.query('SET session_replication_role = replica');
      const { problems } = await verifyEdited(before);
      const naming = problems.filter((problem) => new RegExp(`\\b${position}\\b`).test(problem));
      mark({
        what: `what verify says of position ${position}`,
        before: 'nothing',
        after: naming[0] ?? 'nothing',
        left: naming.length > 0,
      });
      if (refused === 'nothing') violated('the log let a superuser change it with its trigger in place');
    } finally {
      await superuser.end();
    }
  },
};

const EDIT = 'UPDATE events SET data = $2::text::json WHERE position = $1';
