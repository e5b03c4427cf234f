/** What health says about the other services: real gRPC and HTTP servers that we tell what to answer. */
import { inject, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemServiceService, type GetStatusResponse } from '@morningai/rpc/system';
import { bearerKey, createRpcServer, serverStream, unary } from '@morningai/rpc/server';
import { createHttpServer } from '@morningai/service/http';
import { createLogger } from '@morningai/service/logger';
import { seal, SEALED_FOR } from '@morningai/service/sealed';
import { eventually } from '@morningai/testbed/eventually';
import { openGarbagePeer, unusedAddress } from './peers.ts';
import { API_KEY, get, getJson, startHealth } from './start-health.ts';

const STATUS: GetStatusResponse = {
  logIncarnation: 'x',
  head: 70n,
  feedPosition: 68n,
  workers: 2,
  freeSlots: 4,
  running: 3,
  oldestDueAt: undefined,
  redis: { place: 'redis://there:6379', movedAt: undefined, sealedUrl: '', locked: false },
};

let status = STATUS;
let stack: AsyncDisposableStack;
let env: Record<string, string>;
let orchestrator: Awaited<ReturnType<typeof openOrchestrator>>;

beforeEach(async () => {
  status = STATUS;
  stack = new AsyncDisposableStack();
  orchestrator = stack.use(await openOrchestrator());
  const memory = stack.use(await openRpc());
  env = {
    DATABASE_URL: inject('postgresUrl'),
    REDIS_URL: inject('redisUrl'),
    NATS_URL: inject('natsUrl'),
    ORCHESTRATOR_ADDRESS: orchestrator.address,
    MEMORY_ADDRESS: memory.address,
    INGEST_URL: stack.use(await openIngest()).url,
  };
});

afterEach(() => stack.disposeAsync());

describe('everything up', () => {
  test('is ready, and passes as application/health+json', async () => {
    await using health = await startHealth(env);
    expect(await getJson(health, '/health/ready')).toMatchObject({ code: 200, body: { status: 'ready' } });
    const report = await get(health, '/health');
    expect(report).toMatchObject({ code: 200, type: 'application/health+json' });
    expect(JSON.parse(report.body)).toMatchObject({
      status: 'pass',
      checks: {
        'postgres:responseTime': [{ componentType: 'datastore', observedUnit: 'ms', status: 'pass' }],
        'memory:responseTime': [{ status: 'pass' }],
        'orchestrator:head': [{ observedValue: 70 }],
        'orchestrator:feedLag': [{ observedValue: 2 }],
        'orchestrator:workers': [{ observedValue: 2 }],
        'orchestrator:oldestDueAge': [{ observedValue: 0 }],
      },
    });
  });

  test('is told to Prometheus', async () => {
    await using health = await startHealth(env);
    const { body } = await get(health, '/metrics');
    expect(body).toContain('morningai_component_up{component="orchestrator"} 1');
    expect(body).toMatch(/^morningai_probe_seconds\{component="postgres"\} 0\.\d+$/m);
    expect(body).toMatch(/^morningai_log_head 70$/m);
  });
});

describe('a service that does not serve', () => {
  test('an orchestrator that says NOT_SERVING is down, and so is the whole', async () => {
    orchestrator.setServing(false);
    await using health = await startHealth(env);
    expect(await getJson(health, '/health')).toMatchObject({
      code: 503,
      body: {
        status: 'fail',
        checks: { 'orchestrator:responseTime': [{ status: 'fail', output: 'the service says NOT_SERVING' }] },
      },
    });
  });

  test('one that comes to serve is up', async () => {
    orchestrator.setServing(false);
    await using health = await startHealth(env);
    expect(await getJson(health, '/health')).toMatchObject({ code: 503 });
    orchestrator.setServing(true);
    await eventually(async () => expect(await getJson(health, '/health')).toMatchObject({ code: 200 }));
  });

  test('a wrong API key is a warning with its reason, and the facts are left out', async () => {
    await using health = await startHealth({ ...env, MORNINGAI_API_KEY: 'another-key-entirely' });
    expect(await getJson(health, '/health')).toMatchObject({
      code: 200,
      body: { status: 'warn', checks: { 'orchestrator:status': [{ output: expect.stringContaining('API key') }] } },
    });
    expect((await get(health, '/metrics')).body).not.toMatch(/^morningai_log_head /m);
  });

  test('an ingest that answers something else is down', async () => {
    const peer = stack.use(await openGarbagePeer('SSH-2.0-OpenSSH_9.2\r\n'));
    await using health = await startHealth({ ...env, INGEST_URL: `http://${peer.address}` });
    expect(await getJson(health, '/health/ready')).toMatchObject({
      code: 200,
      body: { status: 'degraded', components: { ingest: { status: 'down' } } },
    });
  });
});

describe('once the queue was moved', () => {
  const movedTo = (sealedUrl: string) => {
    status = { ...STATUS, redis: { place: 'redis://there:6379', movedAt: new Date(0), sealedUrl, locked: false } };
  };
  const away = async () => `redis://${await unusedAddress()}`;

  test('Redis is the one that has the tickets, and still is while the orchestrator says nothing', async () => {
    movedTo(seal(inject('redisUrl'), API_KEY, SEALED_FOR.redisUrl));
    await using health = await startHealth({ ...env, REDIS_URL: await away() });
    expect(await getJson(health, '/health/redis')).toMatchObject({ code: 200 });
    await orchestrator.close(0);
    await eventually(async () => expect((await get(health, '/health')).body).toContain('orchestrator:status'));
    expect(await getJson(health, '/health/redis')).toMatchObject({ code: 200 });
  });

  test('a Redis that was left behind may be up: what counts is the other one', async () => {
    movedTo(seal(await away(), API_KEY, SEALED_FOR.redisUrl));
    await using health = await startHealth(env);
    expect(await getJson(health, '/health/redis')).toMatchObject({ code: 503 });
  });

  test('it is the one that REDIS_URL names again once that is settled', async () => {
    movedTo(seal(await away(), API_KEY, SEALED_FOR.redisUrl));
    await using health = await startHealth(env);
    expect(await getJson(health, '/health/redis')).toMatchObject({ code: 503 });
    status = STATUS;
    await eventually(async () => expect((await getJson(health, '/health/redis')).code).toBe(200));
  });
});

async function openRpc() {
  const rpc = createRpcServer();
  const port = await rpc.listen('127.0.0.1:0');
  rpc.setServing(true);
  return { ...rpc, address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => rpc.close(0) };
}

async function openOrchestrator() {
  const rpc = await openRpc();
  rpc.server.addService(SystemServiceService, {
    getStatus: unary(
      bearerKey(API_KEY),
      () => undefined,
      async () => status,
    ),
    readEvents: serverStream(
      bearerKey(API_KEY),
      () => undefined,
      async function* () {},
    ),
  });
  return rpc;
}

async function openIngest() {
  const http = createHttpServer({ logger: createLogger('ingest', 'silent'), bodyBytes: 1024 });
  http.get('/health/live', async () => ({ status: 'live' }));
  return { url: await http.listen({ host: '127.0.0.1', port: 0 }), [Symbol.asyncDispose]: () => http.close() };
}
