import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { frozen } from '../nemeses/component-faults.ts';
import { poolExhausted } from '../nemeses/postgres-faults.ts';

/** "10 s", for a pause of 3 s. */
const FROZEN_PAUSES = 10 / 3;

export const postgresStuck: Drill = {
  name: 'postgres-stuck',
  row: 'P3',
  fault: 'Postgres is frozen; then every connection that it has is taken by others',
  expected: 'requests are refused with 503 and Retry-After; nothing is acknowledged falsely; then all goes on',
  accepts: 'again',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const fate = { row: 'P3', lastsMs: [0, 0], isDown: true, mayExpire: false } as const;
    await endure(stage, frozen('postgres', fate), { forMs: FROZEN_PAUSES * stage.pauseMs });
    await stage.load.untilAccepted(10);
    await endure(stage, poolExhausted);
    await stage.load.untilAccepted(10);
  },
};
