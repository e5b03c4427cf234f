/** What the orchestrator says about itself, and when that is worth a warning. */

export type OrchestratorFacts = {
  /** The last position of the log. */
  readonly head: number;
  /** Events that are in the log and not yet in the feed. */
  readonly feedLag: number;
  readonly workers: number;
  readonly running: number;
  /** When the task that waits longest became due, in epoch milliseconds; null: nothing is due. */
  readonly oldestDueAtMs: number | null;
  /** Which Redis has the tickets; `sealedUrl` empty: the one that REDIS_URL names. */
  readonly redis: { readonly place: string; readonly sealedUrl: string };
};

/** The reason is safe to show. */
export type FactsAnswer =
  { readonly known: true; readonly facts: OrchestratorFacts } | { readonly known: false; readonly reason: string };

export const FACT_LIMITS = {
  feedLag: 10_000,
  /** Above any clock difference worth having: `due` is Postgres' time, `now` is ours. */
  overdueMs: 10_000,
} as const;

export type FactCheck = {
  readonly name: 'head' | 'feedLag' | 'workers' | 'running' | 'oldestDueAge';
  readonly value: number;
  readonly unit: 'position' | 'events' | 'workers' | 'tasks' | 'ms';
  /** Why somebody should look; null: nothing to say. */
  readonly warning: string | null;
};

/** How long the task that waits longest has been due; 0: nothing is due. */
export function overdueMs(facts: OrchestratorFacts, nowMs: number): number {
  return facts.oldestDueAtMs === null ? 0 : Math.max(0, nowMs - facts.oldestDueAtMs);
}

/** @param nowMs epoch milliseconds */
export function checkFacts(facts: OrchestratorFacts, nowMs: number): readonly FactCheck[] {
  const dueForMs = overdueMs(facts, nowMs);
  return [
    { name: 'head', value: facts.head, unit: 'position', warning: null },
    {
      name: 'feedLag',
      value: facts.feedLag,
      unit: 'events',
      warning: facts.feedLag > FACT_LIMITS.feedLag ? `the feed is ${facts.feedLag} events behind the log` : null,
    },
    {
      name: 'workers',
      value: facts.workers,
      unit: 'workers',
      warning: facts.workers === 0 ? 'no worker is connected: tasks are accepted and wait' : null,
    },
    { name: 'running', value: facts.running, unit: 'tasks', warning: null },
    {
      name: 'oldestDueAge',
      value: dueForMs,
      unit: 'ms',
      warning: dueForMs > FACT_LIMITS.overdueMs ? `a task has been due for ${dueForMs} ms and does not run` : null,
    },
  ];
}
