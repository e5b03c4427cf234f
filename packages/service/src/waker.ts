/** Lets a loop sleep until something happens or a time has passed, with one timer and no listeners left behind. */
export type Waker = {
  wake(): void;
  /** Resolves at the next wake (or at once, if there was one since the last sleep), after `ms`, or when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export function createWaker(): Waker {
  let woken = false;
  let rouse: (() => void) | null = null;
  return {
    wake() {
      woken = true;
      rouse?.();
    },
    async sleep(ms, signal) {
      if (!woken && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', done);
            rouse = null;
            resolve();
          };
          const timer = setTimeout(done, ms);
          signal.addEventListener('abort', done, { once: true });
          rouse = done;
        });
      }
      woken = false;
    },
  };
}
