import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from '../drill.ts';

const SERVICES = ['memory', 'health', 'agents', 'ingest', 'orchestrator'] as const;

export const servicesFrozen: Drill = {
  name: 'services-frozen',
  row: 'O3',
  fault: `each service in turn is stopped in its tracks (SIGSTOP) and goes on: ${SERVICES.join(', ')}`,
  expected: 'requests are accepted within their time-outs, or when they are repeated; work goes on',
  accepts: 'again',
  workers: 'hurt',
  async run(stage) {
    for (const name of SERVICES) {
      const service = stage.stack.component(name);
      await service.freeze();
      stage.mark({ what: name, before: 'running', after: service.state, left: service.state === 'frozen' });
      await delay(stage.pauseMs, undefined, { signal: stage.signal });
      await service.thaw();
      await stage.load.untilAccepted(5);
    }
  },
};
