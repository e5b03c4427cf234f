/** A named drill's use of a nemesis: made, borne for a while, healed. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './drill.ts';
import type { DrillHosts } from './drill-hosts.ts';
import type { Nemesis } from './nemeses/nemesis.ts';

/** For what hurts no worker of the drill's own. */
const NO_HOSTS: DrillHosts = {
  busy: () => Promise.reject(new Error('this drill has no workers of its own')),
  listen: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

/** @param meanwhile is waited for, in place of the time that it is to last */
export async function endure(
  stage: Stage,
  nemesis: Nemesis,
  options: { readonly forMs?: number; readonly meanwhile?: () => Promise<void> } = {},
): Promise<void> {
  const { stack, random, signal, mark } = stage;
  const { forMs = stage.pauseMs, meanwhile } = options;
  const healing = new AsyncDisposableStack();
  try {
    const startedAt = performance.now();
    const onHeal = (undo: () => Promise<void>) => healing.defer(undo);
    await nemesis.inject({ stack, random, signal, mark, forMs, hosts: NO_HOSTS, onHeal });
    if (meanwhile === undefined) await delay(Math.max(0, startedAt + forMs - performance.now()), undefined, { signal });
    else await meanwhile();
  } finally {
    await healing.disposeAsync();
  }
}
