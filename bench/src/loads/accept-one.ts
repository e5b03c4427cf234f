/** One client that submits one task after the other over HTTP, and says how long each took to be accepted. */
import { Pool } from 'undici';
import { serveLoad } from './serve-load.ts';

export type AcceptRequest = { readonly tasks: number };
export type AcceptReply = { readonly latenciesMs: readonly number[] };

serveLoad(({ url, apiKey }: { url: string; apiKey: string }) => {
  const pool = new Pool(url, { connections: 1, pipelining: 1 });
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ agent: 'echo', input: { n: 1 } });

  return async ({ tasks }: AcceptRequest): Promise<AcceptReply> => {
    const latenciesMs: number[] = [];
    for (let n = 0; n < tasks; n += 1) {
      const startedAt = performance.now();
      const response = await pool.request({ method: 'POST', path: '/v1/tasks', headers, body });
      const text = await response.body.text();
      latenciesMs.push(performance.now() - startedAt);
      if (response.statusCode !== 202) throw new Error(`${response.statusCode}: ${text}`);
    }
    return { latenciesMs };
  };
});
