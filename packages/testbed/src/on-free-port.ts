import type { Backend } from './backend.ts';
import { TestbedError } from './errors.ts';
import { reservePort } from './ports.ts';

/** How often a server may find its port taken in the moment between our check and its own bind. */
const PORT_TRIES = 5;

/** Makes and starts a backend on the chosen port, or on a free one; only this first start may move to another port. */
export async function onFreePort(
  chosen: number | undefined,
  create: (port: number) => Backend,
  signal: AbortSignal | undefined,
): Promise<Backend> {
  for (let i = 1; ; i++) {
    signal?.throwIfAborted();
    const reserved = chosen === undefined ? await reservePort() : undefined;
    const backend = create(reserved?.port ?? chosen ?? 0);
    try {
      await backend.start();
      return backend;
    } catch (error) {
      reserved?.release();
      const taken = error instanceof TestbedError && ['PORT_TAKEN', 'BACKEND_IS_ANOTHER'].includes(error.code);
      if (!taken || !reserved || i >= PORT_TRIES) throw error;
    }
  }
}
