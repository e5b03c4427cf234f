import type { Probe } from './probe.ts';

/** Up: the URL answers with a 2xx. */
export function httpProbe(url: string): Probe {
  return async (signal) => {
    const response = await fetch(url, { signal, headers: { connection: 'close' }, redirect: 'error' }).catch(
      // fetch hides the reason ("fetch failed") in its cause.
      (error: Error) => Promise.reject(error.cause ?? error),
    );
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the answer is HTTP ${response.status}`);
  };
}
