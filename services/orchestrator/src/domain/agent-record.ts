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
