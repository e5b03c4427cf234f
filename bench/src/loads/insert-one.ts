/** The least that durable can mean: one row, one INSERT, one commit, through the pool that the orchestrator uses. */
import { openPool } from '@morningai/log/pool';
import { v7 as newId } from 'uuid';
import type { AcceptReply, AcceptRequest } from './accept-one.ts';
import { serveLoad } from './serve-load.ts';

const CREATE = {
  name: 'create_bench_rows',
  sql: 'CREATE TABLE IF NOT EXISTS bench_rows (id uuid PRIMARY KEY, data json NOT NULL)',
};
const INSERT = { name: 'insert_bench_row', sql: 'INSERT INTO bench_rows (id, data) VALUES ($1, $2)' };

serveLoad(({ url }: { url: string }) => {
  const pool = openPool({ url, name: 'bench-insert', maxConnections: 1, role: null });
  const created = pool.query(CREATE, []);

  return async ({ tasks }: AcceptRequest): Promise<AcceptReply> => {
    await created;
    const latenciesMs: number[] = [];
    for (let n = 0; n < tasks; n += 1) {
      const startedAt = performance.now();
      await pool.query(INSERT, [newId(), '{"n":1}']);
      latenciesMs.push(performance.now() - startedAt);
    }
    return { latenciesMs };
  };
});
