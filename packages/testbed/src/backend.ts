// The one interface every provider implements: tests and drills hurt components through it and nothing else.

export type Component = 'postgres' | 'redis' | 'nats';
export type Provider = 'processes' | 'containers' | 'urls';

export const COMPONENTS: readonly Component[] = ['postgres', 'redis', 'nats'];

/** Longest a backend may take from `start()` to its first answer; a slow machine under load needs seconds. */
export const START_DEADLINE_MS = 60_000;
/** Longest a graceful `stop()` may take before the backend is killed. */
export const STOP_DEADLINE_MS = 15_000;

export interface Backend {
  readonly component: Component;
  readonly provider: Provider;
  /** Loopback URL; host and port stay the same across kill and start. */
  readonly url: string;
  /** What answered last time it started, e.g. `17.11`; undefined before the first start. */
  readonly version: string | undefined;
  /** undefined while it is down; a frozen backend is running. */
  readonly running: { pid: number } | { containerId: string } | undefined;
  /** Resolves when the backend answers its protocol. Starting what runs is no error. */
  start(): Promise<void>;
  /** Asks it to finish, waits, and kills it after {@link STOP_DEADLINE_MS}. */
  stop(): Promise<void>;
  /** SIGKILL to every process of it; resolves when they are gone. Killing what is down is no error. */
  kill(): Promise<void>;
  /** Kills it if it runs and deletes its data. A later `start()` begins empty. */
  wipe(): Promise<void>;
  /** Stops every process of it in its tracks: connections stay open, nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Called when the backend dies by itself, by `kill()` or by `wipe()`; not for `stop()`. */
  onExit(listener: () => void): void;
}
