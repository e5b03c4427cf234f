import type { Drill } from '../drill.ts';

export const postgresKilled: Drill = {
  name: 'postgres-killed',
  row: 'P1',
  fault: 'Postgres is killed with SIGKILL and started again at once, twice',
  expected: 'nothing that was acknowledged is lost; what was unknown is resolved by the repeat',
  accepts: 'again',
  workers: 'healthy',
  async run(stage) {
    const postgres = stage.stack.component('postgres');
    const startedAt = () =>
      stage.stack.pool.query<{ at: Date }>(STARTED, []).then(([row]) => row?.at.toISOString() ?? '');
    for (let time = 0; time < 2; time += 1) {
      const before = await startedAt();
      await postgres.kill();
      await postgres.start();
      const after = await startedAt();
      stage.mark({ what: 'start of Postgres', before, after, left: before !== after });
      await stage.load.untilAccepted(10);
    }
  },
};

const STARTED = { name: 'drill_postmaster', sql: 'SELECT pg_postmaster_start_time() AS at' };
