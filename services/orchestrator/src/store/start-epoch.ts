/** Epochs are events of the stream `dispatch`; an epoch's number is its version there, so it only rises. */
import { append } from '@morningai/log/append';
import type { Pool, Statement } from '@morningai/log/pool';

const STREAM = 'dispatch';
const TRIES = 5;

const VERSION: Statement = {
  name: 'dispatch_version',
  sql: 'SELECT version FROM streams WHERE stream = $1',
};

/**
 * @param epoch.redis where it lives, as anybody may read it
 * @returns the number of the new epoch. @throws when Postgres does not answer: the event may be there, and its number is skipped
 */
export async function startEpoch(
  pool: Pool,
  epoch: { readonly term: number; readonly cause: string; readonly redis: string },
): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const rows = await pool.query<{ version: number }>(VERSION, [STREAM]);
    const version = rows[0]?.version ?? 0;
    const [result] = await append(pool, [
      {
        stream: STREAM,
        tenant: 'system',
        expectedVersion: version,
        life: 0,
        events: [{ type: 'EpochStarted', data: { epoch: version + 1, ...epoch } }],
        guards: [],
        task: null,
        submission: null,
        unlessLeased: null,
        onlyWhen: null,
      },
    ]);
    if (result?.ok === true) return version + 1;
  }
  throw new Error('the dispatch stream changes faster than it can be written');
}
