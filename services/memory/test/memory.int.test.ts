/** grpc.health.v1 of memory while a real Postgres comes and goes. */
import { Client, credentials } from '@grpc/grpc-js';
import { createLogger } from '@morningai/service/logger';
import { openTestbed, type Testbed } from '@morningai/testbed';
import { eventually } from '@morningai/testbed/eventually';
import { service } from 'grpc-health-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMemoryConfig } from '../src/config.ts';
import { createMemory, type Memory } from '../src/service.ts';

let testbed: Testbed;
let memory: Memory;
let client: Client;

beforeAll(async () => {
  testbed = await openTestbed({ components: ['postgres'] });
  await testbed.postgres.kill();
  const config = readMemoryConfig({ MEMORY_PORT: '0', DATABASE_URL: testbed.postgres.url, LOG_LEVEL: 'silent' });
  memory = await createMemory(config, createLogger('memory', config.logLevel));
  client = new Client(memory.address, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  await memory[Symbol.asyncDispose]();
  await testbed.close();
});

const soon = (status: string) => eventually(async () => expect(await check(client)).toBe(status));

test('started without Postgres it listens, and says NOT_SERVING', async () => {
  expect(await check(client)).toBe('NOT_SERVING');
});

test('it serves as soon as Postgres is there', async () => {
  await testbed.postgres.start();
  await soon('SERVING');
});

test('a Postgres that is killed is noticed, and so is its return', async () => {
  await testbed.postgres.kill();
  await soon('NOT_SERVING');
  await testbed.postgres.start();
  await soon('SERVING');
});

test('a Postgres that is frozen is noticed, and so is its thaw', async () => {
  await testbed.postgres.freeze();
  await soon('NOT_SERVING');
  await testbed.postgres.thaw();
  await soon('SERVING');
});

test('it stops while Postgres is frozen', async () => {
  await using another = await createMemory(
    readMemoryConfig({ MEMORY_PORT: '0', DATABASE_URL: testbed.postgres.url, LOG_LEVEL: 'silent' }),
    createLogger('memory', 'silent'),
  );
  expect(another.address).toMatch(/^127\.0\.0\.1:\d+$/);
  await testbed.postgres.freeze();
  await another[Symbol.asyncDispose]();
  await testbed.postgres.thaw();
});

function check(via: Client): Promise<string> {
  const method = service['Check']!;
  return new Promise((resolve, reject) => {
    via.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      (bytes) => method.responseDeserialize(bytes) as { status: string },
      { service: '' },
      { deadline: Date.now() + 5_000 },
      (error, answer) => (error === null ? resolve(answer?.status ?? 'UNKNOWN') : reject(error)),
    );
  });
}
