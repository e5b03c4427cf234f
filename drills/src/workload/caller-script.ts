/** What one caller does with one task. A value: drawn from the seed, before anything happens. */

export type CallerScript = {
  /** Behind the prefix of the run. */
  readonly name: string;
  /** ms after the schedule began. */
  readonly atMs: number;
  readonly agent: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly priority?: number;
  readonly maxAttempts?: number;
  /** ms after the request is made. */
  readonly dueInMs?: number;
  readonly expiresInMs?: number;
  /** Of all that have it, one runs at a time. */
  readonly isOneAtATime?: true;
  /** What it does once the task is accepted; one thing after the other. */
  readonly next: readonly Next[];
};

export type Next =
  /** The same request once more. */
  | { readonly do: 'repeat'; readonly afterMs: number }
  /** Another body under the same key. */
  | { readonly do: 'other'; readonly afterMs: number }
  | { readonly do: 'cancel'; readonly afterMs: number; readonly graceMs: number }
  /** Waits until it has failed. */
  | { readonly do: 'retry' }
  /** Reads it until it is finished. */
  | { readonly do: 'watch' };
