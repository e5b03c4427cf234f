import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isFree, reservePort } from './ports.ts';

test('ports reserved at once differ, and lie outside the range of client ports', async () => {
  const reserved = await Promise.all(Array.from({ length: 20 }, reservePort));
  const ports = reserved.map(({ port }) => port);
  expect(new Set(ports).size).toBe(20);
  if (process.platform === 'linux') {
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    expect(ports.filter((port) => port >= (range[0] ?? 0) && port <= (range[1] ?? 0))).toEqual([]);
  }
  for (const one of reserved) one.release();
});

test('a port somebody listens on is not free', async () => {
  const { port, release } = await reservePort();
  expect(await isFree(port)).toBe(true);
  const server = createServer().listen({ host: '127.0.0.1', port });
  await once(server, 'listening');
  expect(await isFree(port)).toBe(false);
  server.close();
  release();
});
