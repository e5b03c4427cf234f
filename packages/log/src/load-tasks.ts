import type { State } from '@morningai/core/task';
import type { Pool, Statement } from './pool.ts';

export type LoadedTask = {
  readonly id: string;
  readonly tenant: string;
  readonly version: number;
  readonly state: State;
};

const LOAD: Statement = {
  name: 'load_tasks',
  sql: `SELECT t.id, t.tenant, t.version, t.state
        FROM unnest($1::uuid[]) AS wanted(id)
        CROSS JOIN LATERAL (SELECT id, tenant, version, state FROM tasks WHERE id = wanted.id LIMIT 1) t`,
};

/** The folded states of those of the tasks that exist. */
export function loadTasks(pool: Pool, ids: readonly string[]): Promise<LoadedTask[]> {
  return pool.query<LoadedTask>(LOAD, [ids]);
}
