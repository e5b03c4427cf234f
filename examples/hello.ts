import { createClient, createWorker, defineAgent } from '@morningai/sdk';
import { z } from 'zod';

const { INGEST_URL: url = '', ORCHESTRATOR_ADDRESS: address = '', MORNINGAI_API_KEY: apiKey = '' } = process.env;
const hello = defineAgent({
  name: 'hello',
  version: '1',
  input: z.object({ who: z.string() }),
  async run(ctx, { who }) {
    const text = await ctx.step('greet', async () => `Hello ${who}`); // recorded: no later attempt runs it again
    await ctx.step('send', async ({ key }) => console.log(key, text), { effect: true }); // at least once, under one key
    return { text };
  },
});
const worker = createWorker({ address, apiKey, agents: [hello] });
await worker.ready;
const client = createClient({ url, apiKey });
const task = await client.run({ agent: 'hello', input: { who: 'you' }, idempotencyKey: 'hello-1' });
console.log(task.status, task.output);
await worker.close();
