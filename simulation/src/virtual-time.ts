/**
 * One clock for all simulated processes, and the order in which things happen on it. Timers of the shipped code fire in virtual time; what
 * waits for an answer goes on when the scheduler says so. Between two such moments everything that can run has run, so the same seed is the
 * same run, down to the last promise. A process may be frozen (its timers and answers wait) or dead (they never come).
 *
 * `install` puts this clock in the place of Node's for the whole program: nothing else may run in it meanwhile.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { performance } from 'node:perf_hooks';
import timers from 'node:timers/promises';

/** Decides which of those who wait goes on: `fc.scheduler()`. */
export type Order = {
  schedule<T>(task: Promise<T>): Promise<T>;
  count(): number;
  waitNext(count: number): Promise<void>;
};

/** A simulated process. */
export type Host = { readonly name: string; state: 'running' | 'frozen' | 'dead' };

export type VirtualTime = {
  readonly now: number;
  createHost(name: string): Host;
  /** Runs as this process, once it can. */
  post(host: Host, run: () => void): void;
  freeze(host: Host): void;
  thaw(host: Host): void;
  kill(host: Host): void;
  /** Goes on when the order says so, as the process that called. */
  hop(): Promise<void>;
  /** The way back to the process that called, whoever takes it: resolves when the order says so. */
  returning(): () => Promise<void>;
  /** Goes on after so long, as the process that called. */
  sleep(ms: number): Promise<void>;
  /** Called after every moment in which something happened. */
  onMoment: () => void;
  advance(ms: number): Promise<void>;
  /** Until so many answers have come, and not one more: what happens next happens between two of them. @param withinMs at most */
  answers(count: number, withinMs: number): Promise<void>;
};

type Timer = { readonly at: number; readonly order: number; readonly host: Host; run: (() => void) | null };

/** What happens at one moment is bounded: more is a loop that never waits. */
const MOMENT_MAX = 20_000;

const realImmediate = globalThis.setImmediate;

export function createVirtualTime(order: Order, random: () => number): VirtualTime & { install(): Disposable } {
  const nobody: Host = { name: 'nobody', state: 'running' };
  const heap: Timer[] = [];
  const immediates: { readonly host: Host; readonly run: () => void }[] = [];
  const parked = new Map<Host, (() => void)[]>();
  let now = 0;
  let issued = 0;
  let ids = 0;
  let current = nobody;

  const park = (host: Host, run: () => void) => {
    if (host.state === 'dead') return;
    const waiting = parked.get(host) ?? [];
    parked.set(host, waiting);
    waiting.push(run);
  };

  /** As this process, now or when it can. */
  const enter = (host: Host, run: () => void) => {
    if (host.state !== 'running') return park(host, run);
    current = host;
    run();
  };

  const start = (ms: number, run: () => void): Timer => {
    const timer: Timer = { at: now + Math.max(1, ms), order: (issued += 1), host: current, run };
    push(heap, timer);
    return timer;
  };

  const sleep = (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    start(ms, resolve);
    return promise;
  };

  /** Until nothing can go on without time or an answer. */
  const drain = async () => {
    for (let turns = 0; ; turns += 1) {
      await new Promise<void>((resolve) => realImmediate(resolve));
      const next = immediates.shift();
      if (next === undefined) return;
      if (turns > MOMENT_MAX) throw new Error('a loop never waits');
      enter(next.host, next.run);
    }
  };

  const returning = () => {
    const host = current;
    return async () => {
      await order.schedule(Promise.resolve());
      current = host;
      if (host.state !== 'running') await new Promise<void>((resolve) => park(host, resolve));
    };
  };

  const time: VirtualTime = {
    get now() {
      return now;
    },
    createHost: (name) => ({ name, state: 'running' }),
    post: (host, run) => void immediates.push({ host, run }),
    freeze(host) {
      if (host.state === 'running') host.state = 'frozen';
    },
    thaw(host) {
      if (host.state !== 'frozen') return;
      host.state = 'running';
      const waiting = parked.get(host) ?? [];
      parked.delete(host);
      // In the order in which they came, each in a turn of its own.
      for (const run of waiting) immediates.push({ host, run });
    },
    kill(host) {
      host.state = 'dead';
      parked.delete(host);
    },
    hop: () => returning()(),
    returning,
    sleep,
    onMoment: () => undefined,
    async advance(ms) {
      const until = now + ms;
      await run(until, Infinity);
      now = until;
    },
    answers: (count, withinMs) => run(now + withinMs, count),
  };

  const run = async (until: number, answersMax: number) => {
    await drain();
    for (let inMoment = 0, answers = 0; answers < answersMax;) {
      inMoment += 1;
      if (inMoment > MOMENT_MAX) throw new Error(`time stands still at ${now} ms: a loop never waits`);
      if (order.count() > 0) {
        answers += 1;
        await order.waitNext(1);
      } else {
        const next = heap[0];
        if (next === undefined || next.at > until) break;
        pop(heap);
        if (next.run === null || next.host.state === 'dead') continue;
        if (next.at > now) inMoment = 0;
        now = Math.max(now, next.at);
        enter(next.host, next.run);
      }
      await drain();
      time.onMoment();
    }
    current = nobody;
  };

  const setVirtual = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const timer = start(ms, () => run(...args));
    return Object.assign(timer, { unref: () => timer, ref: () => timer, hasRef: () => true });
  };
  const clear = (timer: unknown) => {
    if (typeof timer === 'object' && timer !== null && 'run' in timer) timer.run = null;
  };
  const immediate = (run: (...args: unknown[]) => void, ...args: unknown[]) =>
    void immediates.push({ host: current, run: () => run(...args) });
  const delay = (ms = 0, value?: unknown, options: { readonly signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      const abort = () => reject(new DOMException('The operation was aborted', 'AbortError'));
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      start(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve(value);
      });
    });

  const install = (): Disposable => {
    const replaced: (() => void)[] = [];
    const replace = (target: object, name: string, value: unknown) => {
      const before = Object.getOwnPropertyDescriptor(target, name);
      Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: true });
      replaced.push(() => {
        if (before === undefined) Reflect.deleteProperty(target, name);
        else Object.defineProperty(target, name, before);
      });
    };
    replace(globalThis, 'setTimeout', setVirtual);
    replace(globalThis, 'clearTimeout', clear);
    replace(globalThis, 'setImmediate', immediate);
    replace(performance, 'now', () => now);
    replace(Date, 'now', () => EPOCH_MS + Math.floor(now));
    replace(Math, 'random', random);
    replace(timers, 'setTimeout', delay);
    replace(crypto, 'randomUUID', () => uuidOf((ids += 1)));
    syncBuiltinESMExports();
    return {
      [Symbol.dispose]() {
        for (const restore of replaced.toReversed()) restore();
        syncBuiltinESMExports();
      },
    };
  };
  return Object.assign(time, { install });
}

/** When the virtual clock stands at 0, ms since 1970. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

// A binary heap of timers: the earliest first, those of one moment in the order in which they were started.

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  heap.push(timer);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Timer;
    if (!isBefore(timer, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as Timer)) child += 1;
    const below = heap[child] as Timer;
    if (!isBefore(below, last)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}
