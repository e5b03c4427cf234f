/**
 * A lock that its holder cannot leave behind. The lock is a listening socket in Linux' abstract name space: the kernel
 * drops the name when the holder dies, however it dies, so there is no stale lock to judge and no take-over to race for.
 * A waiter connects to the holder and is woken by the closing connection: no polling. The names live per network name
 * space, as ports do.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KernelLock {
  release(): void;
}

/** Takes the lock, or answers undefined when another process (or this one) holds it. */
export async function tryLock(name: string): Promise<KernelLock | undefined> {
  const path = socketPath(name);
  const waiters = new Set<Socket>();
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiters.delete(socket));
  });
  const held = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen({ path }, () => resolve(true));
  });
  if (!held) return undefined;
  server.unref();
  return {
    release() {
      server.close();
      for (const socket of waiters) socket.destroy();
    },
  };
}

/** Waits for the lock. `onWait` is called once when somebody else holds it. */
export async function lock(name: string, options: { onWait?: () => void; signal?: AbortSignal } = {}) {
  for (let waited = false; ; waited = true) {
    options.signal?.throwIfAborted();
    const held = await tryLock(name);
    if (held) return held;
    if (!waited) options.onWait?.();
    await holderGone(name, options.signal);
  }
}

function holderGone(name: string, signal: AbortSignal | undefined): Promise<void> {
  const path = socketPath(name);
  return new Promise((resolve) => {
    const socket = connect({ path });
    const leave = () => socket.destroy();
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave, { once: true });
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Only where names are files can a dead holder leave one.
      if (error.code === 'ECONNREFUSED' && !path.startsWith('\0')) rmSync(path, { force: true });
    });
    socket.on('close', () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    });
  });
}

function socketPath(name: string): string {
  const short = `morningai-testbed-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
  return process.platform === 'linux' ? `\0${short}` : join(tmpdir(), `${short}.sock`);
}
