import type { Drill } from '../drill.ts';
import { endure } from '../endure.ts';
import { postgresTerminated } from '../nemeses/postgres-faults.ts';
import { halfReplied, partitioned, reset } from '../nemeses/wire-faults.ts';

const FATE = { row: 'P2', lastsMs: [0, 0], isDown: false } as const;

export const postgresCut: Drill = {
  name: 'postgres-cut',
  row: 'P2',
  fault:
    'backends of Postgres are terminated in mid-append; its replies are cut in half; connections are reset; then bytes are swallowed',
  expected: 'nothing that was acknowledged is lost; what was unknown is resolved by the repeat',
  accepts: 'again',
  workers: 'healthy',
  needsOwnStack: true,
  async run(stage) {
    const faults = [
      postgresTerminated,
      halfReplied('postgres', FATE),
      reset('postgres', FATE),
      partitioned('postgres', FATE),
    ];
    for (const nemesis of faults) {
      await endure(stage, nemesis);
      await stage.load.untilAccepted(10);
    }
  },
};
