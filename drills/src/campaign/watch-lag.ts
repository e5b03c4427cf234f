/** How much time the machine has kept to itself: by how much timers of this process came late, added up. */
import { performance } from 'node:perf_hooks';

export type LagWatch = Disposable & { readonly lostMs: number };

const EVERY_MS = 50;
/** What a timer may be late on a machine that is well. */
const USUAL_MS = 20;

export function watchLag(): LagWatch {
  let lostMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - last - EVERY_MS;
    if (late > USUAL_MS) lostMs += late;
    last = now;
  }, EVERY_MS);
  return {
    get lostMs() {
      return Math.round(lostMs);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
