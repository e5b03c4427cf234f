/**
 * A probe asks one component once, over a connection of its own, and is over in time whatever the component does. A frozen
 * server answers connections it already has for a while, so an old connection proves nothing.
 */
import { reason } from '@morningai/service/logger';
import type { ProbeResult } from '../domain/component.ts';
import { withoutSecrets } from '@morningai/service/secrets';

/**
 * Resolves if the component is up, throws why it is not. The signal aborts when the probe is over, in time or not: the
 * connection is let go then, at once.
 * @param timeoutMs for time-outs of the driver; the whole probe gets no more
 */
export type Probe = (signal: AbortSignal, timeoutMs: number) => Promise<void>;

/** @param secrets what must not appear in the reason */
export async function runProbe(probe: Probe, timeoutMs: number, secrets: readonly string[]): Promise<ProbeResult> {
  const over = new AbortController();
  const late = setTimeout(() => over.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  const at = new Date().toISOString();
  const startedMs = performance.now();
  try {
    await Promise.race([probe(over.signal, timeoutMs), rejectOnAbort(over.signal)]);
    return { up: true, at, ms: performance.now() - startedMs };
  } catch (thrown) {
    // The time-out ends the connection, and the driver then blames the connection: the first cause is the better reason.
    const why = reason(over.signal.aborted ? over.signal.reason : thrown).trim() || 'no reason given';
    return { up: false, at, ms: performance.now() - startedMs, reason: withoutSecrets(why, secrets) };
  } finally {
    clearTimeout(late);
    over.abort();
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
