/** Ingest before a real orchestrator with real backends, a worker, and a proxy between the two that can hurt. */
import { randomUUID } from 'node:crypto';
import { readOrchestratorConfig } from '@morningai/orchestrator/config';
import { createOrchestrator } from '@morningai/orchestrator/service';
import { createWorker, defineAgent } from '@morningai/sdk';
import { createLogger } from '@morningai/service/logger';
import { openTestDatabase } from '@morningai/testbed/database';
import { openProxy, type Proxy } from '@morningai/testbed/proxy';
import { inject } from 'vitest';
import { z } from 'zod';
import { readIngestConfig } from '../src/config.ts';
import { createIngest } from '../src/service.ts';

export const API_KEY = 'a-key-for-tests-only';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON. */
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests look into whatever came
};

export type Stack = AsyncDisposable & {
  readonly url: string;
  /** Between ingest and the orchestrator. */
  readonly proxy: Proxy;
  /** With the API key, and JSON for a body that is no text. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
};

/** Any value in; fails for good when told to; takes its time when told to. */
const echo = defineAgent({
  name: 'echo',
  version: '1',
  input: z.unknown(),
  retry: { maxAttempts: 1 },
  run: async (ctx, input) => {
    await ctx.step('look', async () => 'seen');
    if (input === 'fail') throw new Error('as told');
    return input;
  },
});

/** A question in; and a schema that refuses other inputs. */
const faq = defineAgent({
  name: 'faq',
  version: '1',
  input: z.strictObject({ question: z.string() }),
  run: async () => ({ title: 'An answer', publishedTo: 'https://github.com/o/r/pull/1' }),
});

export async function startStack(env: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await openTestDatabase({ adminUrl: inject('postgresUrl') }));
  const orchestrator = stack.use(
    await createOrchestrator(
      readOrchestratorConfig({
        LOG_LEVEL: 'silent',
        ORCHESTRATOR_PORT: '0',
        DATABASE_URL: database.url,
        REDIS_URL: inject('redisUrl'),
        NATS_URL: inject('natsUrl'),
        // One stream per log: the tests share one NATS.
        FEED_STREAM: `TEST_${randomUUID().slice(0, 8).toUpperCase()}`,
        MORNINGAI_API_KEY: API_KEY,
      }),
      { logger: createLogger('orchestrator', 'silent') },
    ),
  );
  const worker = createWorker({ address: orchestrator.address, apiKey: API_KEY, agents: [echo, faq] });
  stack.defer(() => worker.close());
  await worker.ready;
  const proxy = stack.adopt(await openProxy({ target: `tcp://${orchestrator.address}` }), (one) => one.close());
  const ingest = stack.use(
    await createIngest(
      readIngestConfig({
        LOG_LEVEL: 'silent',
        INGEST_PORT: '0',
        ORCHESTRATOR_ADDRESS: `127.0.0.1:${proxy.port}`,
        MORNINGAI_API_KEY: API_KEY,
        ...env,
      }),
    ),
  );
  return {
    url: ingest.url,
    proxy,
    call: (method, path, body, headers) => callApi(ingest.url, method, path, body, headers),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export async function callApi(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') === true;
  return { status: answer.status, headers: answer.headers, body: isJson ? (JSON.parse(text) as unknown) : text };
}
