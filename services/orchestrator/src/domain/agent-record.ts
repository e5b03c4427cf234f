import { DEFAULTS } from '@morningai/core/limits';

/** An agent version as a worker offered it. */
export type AgentRecord = {
  readonly name: string;
  readonly version: string;
  /** JSON Schema text. */
  readonly inputSchema: string;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  readonly leaseMs: number;
  readonly lastSeenAt: Date;
};

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

export function isAgentName(text: string): boolean {
  return NAME.test(text);
}

/** The backoff of an agent's retries; the default one of an agent that is not known. */
export function retryPolicy(agent: AgentRecord | undefined): { baseMs: number; capMs: number } {
  return {
    baseMs: agent?.retryBaseMs ?? DEFAULTS.retryBaseMs,
    capMs: agent?.retryCapMs ?? DEFAULTS.retryCapMs,
  };
}
