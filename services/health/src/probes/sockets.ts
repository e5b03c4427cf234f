import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const owner = new AsyncLocalStorage<Set<Socket>>();

// Node publishes every socket that net.connect() makes, within the async context of the code that asked for it.
subscribe('net.client.socket', (message) => owner.getStore()?.add((message as { socket: Socket }).socket));

/**
 * Runs `connect`; every socket opened by it is destroyed when the signal aborts. For drivers that forget sockets whose
 * server does not speak.
 */
export function withOwnSockets<T>(signal: AbortSignal, connect: () => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  signal.addEventListener('abort', () => sockets.forEach((socket) => socket.destroy()), { once: true });
  return owner.run(sockets, connect);
}
