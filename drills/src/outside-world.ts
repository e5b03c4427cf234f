/** What agents have effects on: it keeps every call, and may hold its answer back. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { z } from 'zod';

const call = z.object({
  /** An effect under its key; or only a word of where an attempt has got to. */
  kind: z.enum(['effect', 'reached']),
  task: z.string(),
  attempt: z.number(),
  what: z.string(),
  worker: z.string(),
});

export type Call = z.infer<typeof call>;

export type OutsideWorld = AsyncDisposable & {
  readonly url: string;
  readonly calls: readonly Call[];
};

/** @param hold the answer comes when it resolves */
export async function openOutsideWorld(
  hold: (call: Call) => Promise<void> = async () => undefined,
): Promise<OutsideWorld> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const take = async () => {
      const made = call.parse(await json(request));
      calls.push(made);
      await hold(made);
      response.end(JSON.stringify({ receipt: `receipt of ${made.what}` }));
    };
    take().catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
