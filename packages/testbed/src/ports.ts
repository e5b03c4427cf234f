/**
 * Loopback ports that stay ours while a backend is down. They lie outside the range the kernel takes client ports from:
 * a client that keeps reconnecting to a dead server on such a port would sooner or later connect to itself and hold the
 * port. A kernel lock per port keeps two runs apart between the check and the server's own bind, and while it is down.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { TestbedError } from './errors.ts';
import { tryLock } from './kernel-lock.ts';

const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 32_000;
const TRIES = 200;

export interface ReservedPort {
  readonly port: number;
  release(): void;
}

export async function reservePort(): Promise<ReservedPort> {
  const clients = clientPortRange();
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (port >= clients.lowest && port <= clients.highest) continue;
    const held = await tryLock(`port ${port}`);
    if (!held) continue;
    if (await isFree(port)) return { port, release: () => held.release() };
    held.release();
  }
  throw new TestbedError('PORT_TAKEN', `no free loopback port between ${LOWEST_PORT} and ${HIGHEST_PORT}`);
}

/** True when a server could listen on this loopback port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function clientPortRange(): { lowest: number; highest: number } {
  if (process.platform !== 'linux') return { lowest: 49_152, highest: 65_535 };
  const [lowest = 32_768, highest = 60_999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  // A range that covers everything leaves no choice.
  return lowest <= LOWEST_PORT && highest >= HIGHEST_PORT ? { lowest: 0, highest: 0 } : { lowest, highest };
}
