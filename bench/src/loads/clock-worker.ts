/** A worker whose one agent says at what time its code began to run. Its parent asks it once: until it is known. */
import { createWorker, defineAgent } from '@morningai/sdk';
import { z } from 'zod';
import { CLOCK_AGENT } from './clock-agent.ts';
import { nowMs, serveLoad } from './serve-load.ts';

serveLoad(({ address, apiKey, slots }: { address: string; apiKey: string; slots: number }) => {
  const clock = defineAgent({
    name: CLOCK_AGENT,
    version: '1',
    input: z.looseObject({}),
    run: async () => ({ startedAt: nowMs() }),
  });
  const worker = createWorker({ address, apiKey, agents: [clock], slots });
  return async () => {
    await worker.ready;
    return {};
  };
});
