/** Submits no-op tasks by POST /v1/tasks, one per request, over many connections. */
import { Pool } from 'undici';
import { nowMs, serveLoad } from './serve-load.ts';
import type { SubmitReply, SubmitRequest } from './submit-grpc.ts';

const CONNECTIONS = 256;

serveLoad(({ url, apiKey }: { url: string; apiKey: string }) => {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ agent: 'echo', input: { n: 1 } });

  const submit = async () => {
    const response = await pool.request({ method: 'POST', path: '/v1/tasks', headers, body });
    if (response.statusCode !== 202) throw new Error(`${response.statusCode}: ${await response.body.text()}`);
    await response.body.dump();
  };

  return async ({ tasks }: SubmitRequest): Promise<SubmitReply> => {
    const startedAt = nowMs();
    let left = tasks;
    const lane = async () => {
      for (; left > 0; await submit()) left -= 1;
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    return { startedAt, acceptedAt: nowMs(), accepted: tasks, refusal: null };
  };
});
