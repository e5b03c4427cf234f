/** A host's clock that is wrong decides nothing. */
import { createWorker, defineAgent } from '@morningai/sdk';
import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { API_KEY, startOrchestrator } from './start-orchestrator.ts';

const HOUR_MS = 3_600_000;

afterEach(() => void vi.useRealTimers());

test.each([
  ['behind', -HOUR_MS],
  ['ahead', HOUR_MS],
])('a bulk command on a host that is an hour %s means what is there, and all of it', async (_, skewMs) => {
  await using bench = await startOrchestrator();
  const agent = defineAgent({ name: 'echo', version: '1', input: z.unknown(), run: async () => null });
  const worker = createWorker({ address: bench.address, apiKey: API_KEY, agents: [agent] });
  await worker.ready;
  await worker.close();
  for (let task = 0; task < 3; task += 1) await bench.accept({});
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + skewMs });
  // It has written nothing yet, so it has not heard the time of Postgres either.
  await using other = await bench.beside();
  expect(await other.cancelTasks({ filter: { all: true } })).toMatchObject({ matched: 3n, done: 3n, left: 0n });
});
