import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

type Manifest = { name: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> };

/** Every package that an installation of this one brings, by name. */
function closure(folder: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const place = locate(folder, name);
    if (place === null || found.has(place)) continue;
    found.set(place, name);
    closure(place, found);
  }
  return found;
}

/** As Node looks for it: the nearest node_modules on the way up. Null: an optional one that is not installed. */
function locate(from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(place)) return realpathSync(place);
    if (dirname(folder) === folder) return null;
  }
}

test.each(['agents', 'packages/sdk'])('%s has no client of Redis, Postgres or NATS in its dependencies', (folder) => {
  const names = [...closure(new URL(`../../${folder}`, import.meta.url).pathname).values()];
  expect(names).toContain('@morningai/core');
  expect(names).toContain('@grpc/grpc-js');
  const clients = new Set([
    'pg',
    'pg-pool',
    'pg-protocol',
    'postgres',
    'ioredis',
    'redis',
    '@redis/client',
    'bullmq',
    'iovalkey',
  ]);
  expect(names.filter((name) => clients.has(name) || name.startsWith('@nats-io/'))).toEqual([]);
});
