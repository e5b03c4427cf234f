/** A worker whose one agent takes as long as its input says, at any of several orchestrators. Its parent asks it once: until it is known. */
import { setTimeout as delay } from 'node:timers/promises';
import { createWorker, defineAgent } from '@morningai/sdk';
import { z } from 'zod';
import { DELAY_AGENT } from './delay-agent.ts';
import { serveLoad } from './serve-load.ts';

type Settings = {
  /** The first is its own; the others it moves on to. */
  readonly addresses: readonly string[];
  readonly apiKey: string;
  readonly slots: number;
  readonly workerId: string;
};

serveLoad(({ addresses, apiKey, slots, workerId }: Settings) => {
  const agent = defineAgent({
    name: DELAY_AGENT,
    version: '1',
    input: z.looseObject({ delayMs: z.number() }),
    run: (_, { delayMs }) => delay(delayMs),
  });
  const worker = createWorker({ address: addresses, apiKey, agents: [agent], slots, workerId });
  return async () => {
    await worker.ready;
    return {};
  };
});
