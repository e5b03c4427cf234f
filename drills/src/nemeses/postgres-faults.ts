import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@morningai/testbed/eventually';
import type { Statement } from '@morningai/log/pool';
import { markRise, type Nemesis } from './nemesis.ts';

const STEP_MS = 50;
const SEEN_MS = 5_000;

export const postgresTerminated: Nemesis = {
  name: 'postgres-terminated',
  row: 'P2',
  what: 'backends of Postgres that are in the middle of an append are terminated, again and again',
  target: 'postgres',
  lastsMs: [500, 3_000],
  isDown: false,
  mayExpire: false,
  async inject({ stack, forMs, signal, mark }) {
    let terminated = 0;
    const strike = async () => {
      const rows = await stack.pool.query<{ ended: boolean }>(TERMINATE, []);
      terminated += rows.filter(({ ended }) => ended).length;
      if (terminated === 0) throw new Error('no append was met');
    };
    // At least one is met: the load goes on appending.
    await eventually(strike, { deadlineMs: SEEN_MS, everyMs: 5, signal }).catch(() => signal.throwIfAborted());
    const until = performance.now() + forMs;
    while (performance.now() < until) {
      await delay(STEP_MS, undefined, { signal });
      await strike().catch(() => undefined);
    }
    markRise({ mark }, 'backends terminated in an append', 0, terminated);
  },
};

const TERMINATE: Statement = {
  name: 'drill_terminate',
  sql: `SELECT pg_terminate_backend(a.pid) AS ended FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state = 'active' AND a.query LIKE '%append(%'`,
};
