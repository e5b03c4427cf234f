import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findBinaries } from './binaries.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'testbed-test-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that says one line, whatever it is asked. */
function program(name: string, says: string, where = folder): void {
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, name), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
}

test('servers in versions that fit are used', async () => {
  program('redis-server', 'Redis server v=8.0.2 sha=00000000:0');
  program('nats-server', 'nats-server: v2.10.27');
  expect(await findBinaries(['redis', 'nats'], 'redis', ['/nowhere', folder])).toEqual({
    redis: join(folder, 'redis-server'),
    nats: join(folder, 'nats-server'),
  });
});

test('servers that are too old are passed over for newer ones further on', async () => {
  program('redis-server', 'Redis server v=7.0.15 sha=00000000:0');
  program('nats-server', 'nats-server: v2.9.10');
  program('redis-server', 'Redis server v=8.2.0 sha=00000000:0', join(folder, 'newer'));
  expect(await findBinaries(['redis', 'nats'], 'redis', [folder, join(folder, 'newer')])).toEqual({
    redis: join(folder, 'newer/redis-server'),
  });
});

test('the flavour that was asked for is looked for', async () => {
  program('redis-server', 'Redis server v=8.0.2 sha=00000000:0');
  program('valkey-server', 'Valkey server v=8.1.1 sha=00000000:0');
  expect(await findBinaries(['redis'], 'valkey', [folder])).toEqual({ redis: join(folder, 'valkey-server') });
});

test('postgres must have initdb and pgvector', async () => {
  const share = join(folder, 'share');
  const files = { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') };
  program('postgres', 'postgres (PostgreSQL) 17.5');
  program('pg_config', share);
  const find = async () => (await findBinaries(['postgres'], 'redis', [folder])).postgres;
  expect(await find()).not.toEqual(files);
  program('initdb', 'initdb (PostgreSQL) 17.5');
  expect(await find()).not.toEqual(files);
  mkdirSync(join(share, 'extension'), { recursive: true });
  writeFileSync(join(share, 'extension/vector.control'), '');
  expect(await find()).toEqual(files);
});

test('a program that does not run is none', async () => {
  writeFileSync(join(folder, 'nats-server'), '#!/nowhere/sh\n', { mode: 0o755 });
  expect(await findBinaries(['nats'], 'redis', [folder])).toEqual({});
});
