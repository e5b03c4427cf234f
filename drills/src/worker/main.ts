/** A worker to be killed and frozen; its parent says with which agents' world it talks. */
import process from 'node:process';
import { createWorker } from '@morningai/sdk';
import { z } from 'zod';
import { createDrillAgents } from './drill-agents.ts';
import { skewClock } from './skew-clock.ts';

const { address, apiKey, worldUrl, workerId, agents, slots, skewMs } = z
  .object({
    address: z.string(),
    apiKey: z.string(),
    worldUrl: z.string(),
    workerId: z.string(),
    agents: z.array(z.string()),
    slots: z.number(),
    skewMs: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

if (skewMs !== 0) skewClock(skewMs);
const offered = createDrillAgents({ worldUrl, workerId, names: agents });
const worker = createWorker({ address, apiKey, workerId, agents: offered, slots });
// A parent that is killed takes us along.
process.on('disconnect', () => process.exit());
await worker.ready;
process.send?.('ready');
